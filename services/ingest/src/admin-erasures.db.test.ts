import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { addBatch, addLeads } from "./delivery-fixture.ts";
import { API_KEY, createTestApp, type TestApp } from "./test-support.ts";

const ID = "ada.quillfeather.15031990";
const PAGE = "/batch_admin/erasures";
const FORM = {
  "content-type": "application/x-www-form-urlencoded",
  "sec-fetch-site": "same-origin",
};

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

async function addKey(scopes: string): Promise<void> {
  await t.owner.query(
    `update ingest.api_keys set scopes = $1 where key_hash = sha256(convert_to($2, 'utf8'))`,
    [scopes, API_KEY],
  );
}

function post(url: string, fields: Record<string, string> | [string, string][], cookie = "") {
  const payload = new URLSearchParams(fields).toString();
  return t.app.inject({ method: "POST", url, payload, headers: { ...FORM, cookie } });
}

async function signedIn(): Promise<string> {
  const [cookie] = (await post("/batch_admin/sign_in", { api_key: API_KEY })).cookies;
  return `${cookie?.name}=${cookie?.value}`;
}

test("a person is looked up, shown masked, chosen and erased, all by forms", async () => {
  const cookie = await signedIn();
  const batchUuid = await addBatch(t.owner);
  const [first = "", second = ""] = await addLeads(t.owner, batchUuid, 2);
  const batches = await t.app.inject({ url: "/batch_admin", headers: { cookie } });
  assert.match(batches.body, /href="\/batch_admin\/erasures"/);

  const shown = await post(PAGE, { lead_id: ` ${ID.toUpperCase()} ` }, cookie);
  assert.equal(shown.statusCode, 200, shown.body);
  for (const uuid of [first, second]) assert.ok(shown.body.includes(`value="${uuid}"`));
  assert.match(shown.body, /A••• Q•••/);
  assert.match(shown.body, /1 batch is still at work/);
  assert.equal(shown.headers["cache-control"], "no-store");
  const text = shown.body.replace(`name="lead_id" value="${ID}"`, "");
  assert.doesNotMatch(text, /quillfeather|1503/i);

  const chosen: [string, string][] = [
    ["lead_id", ID],
    ["confirm", second],
  ];
  const done = await post(`${PAGE}/confirm`, chosen, cookie);
  assert.deepEqual([done.statusCode, done.headers.location], [303, PAGE]);
  const { rows } = await t.owner.query("select leads from ingest.erasures");
  assert.deepEqual(
    rows.map(({ leads }) => leads.map(({ lead_uuid }: { lead_uuid: string }) => lead_uuid)),
    [[second]],
  );
  const listed = await t.app.inject({ url: PAGE, headers: { cookie } });
  assert.match(listed.body, /running/);
  assert.match(listed.body, /http-equiv="refresh"/);
});

test("of whom nothing is held one is told so, and can refuse them", async () => {
  const cookie = await signedIn();
  const shown = await post(PAGE, { lead_id: "nobody.known.01011980" }, cookie);
  assert.match(shown.body, /Nothing is held under this lead id/);
  const done = await post(`${PAGE}/confirm`, { lead_id: "nobody.known.01011980" }, cookie);
  assert.equal(done.statusCode, 303);
});

test("what is no lead id is not looked for, and nothing happens from another site", async () => {
  const cookie = await signedIn();
  const wrong = await post(PAGE, { lead_id: "<b>Ada Quillfeather</b>" }, cookie);
  assert.equal(wrong.statusCode, 400);
  assert.doesNotMatch(wrong.body, /Quillfeather/);
  const headers = { ...FORM, "sec-fetch-site": "cross-site", cookie };
  const foreign = await t.app.inject({
    method: "POST",
    url: PAGE,
    payload: `lead_id=${ID}`,
    headers,
  });
  assert.equal(foreign.statusCode, 403);
});

test("who may not erase sees neither the page nor a way to it", async () => {
  await addKey("{batches:read}");
  const cookie = await signedIn();
  const batches = await t.app.inject({ url: "/batch_admin", headers: { cookie } });
  assert.doesNotMatch(batches.body, /batch_admin\/erasures/);
  assert.equal((await t.app.inject({ url: PAGE, headers: { cookie } })).statusCode, 403);
  assert.equal((await post(PAGE, { lead_id: ID }, cookie)).statusCode, 403);
});
