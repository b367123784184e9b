import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";

import {
  API_KEY,
  AUTH,
  createTestApp,
  CSV,
  formOf,
  OTHER_API_KEY,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const SAME = { "sec-fetch-site": "same-origin" };

const signIn = (apiKey: string, headers: Record<string, string> = SAME, app = t.app) =>
  app.inject({
    method: "POST",
    url: "/batch_admin/sign_in",
    payload: new URLSearchParams({ api_key: apiKey }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });

async function sessionOf(apiKey = API_KEY): Promise<{ cookie: string }> {
  const [cookie] = (await signIn(apiKey)).cookies;
  assert.ok(cookie);
  return { cookie: `${cookie.name}=${cookie.value}` };
}

test("the root leads to the admin page", async () => {
  const response = await t.app.inject({ url: "/" });
  assert.deepEqual([response.statusCode, response.headers.location], [302, "/batch_admin"]);
});

test("whoever is not signed in sees the form to sign in, and no batch", async () => {
  const { batchId } = await uploadedBatch(t.app);
  for (const headers of [{}, { cookie: "valify=nonsense" }]) {
    const response = await t.app.inject({ url: "/batch_admin", headers });
    assert.equal(response.headers["content-type"], "text/html; charset=utf-8");
    assert.match(response.body, /<form method="post" action="\/batch_admin\/sign_in">/);
    assert.ok(!response.body.includes(batchId));
  }
});

test("signing in gives a cookie that scripts cannot read and the database does not hold", async () => {
  const response = await signIn(` ${API_KEY} `);
  assert.deepEqual([response.statusCode, response.headers.location], [303, "/batch_admin"]);
  const [cookie] = response.cookies;
  assert.equal(cookie?.httpOnly, true);
  assert.equal(cookie?.sameSite, "Lax");
  assert.equal(cookie?.path, "/");
  assert.equal(cookie?.maxAge, 43_200);
  assert.equal(cookie?.secure, undefined);
  assert.equal(Buffer.from(cookie?.value ?? "", "base64url").length, 32);
  const { rows } = await t.owner.query("select s::text as text from ingest.sessions as s");
  for (const { text } of rows) assert.ok(!String(text).includes(cookie?.value ?? ""));
});

test("the cookie is for https only, unless all stays on one machine", async () => {
  const [behindProxy] = (await signIn(API_KEY, { ...SAME, "x-forwarded-proto": "https" })).cookies;
  assert.equal(behindProxy?.secure, true);
  await using open = await createTestApp({ config: { HOST: "0.0.0.0" }, db: t.db });
  const [onNetwork] = (await signIn(API_KEY, SAME, open.app)).cookies;
  assert.equal(onNetwork?.secure, true);
});

test("an unknown key signs nobody in", async () => {
  const response = await signIn("nobody");
  assert.equal(response.statusCode, 401);
  assert.deepEqual(response.cookies, []);
  assert.match(response.body, /unknown or revoked/);
});

test("another site cannot sign a visitor in or out", async () => {
  for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }]) {
    const response = await signIn(API_KEY, headers);
    assert.equal(response.statusCode, 403);
    assert.deepEqual(response.cookies, []);
    assert.match(response.body, /CSRF_REFUSED/);
  }
});

test("a session ends by signing out, with its time, and with its key", async () => {
  const ask = async (session: { cookie: string }) =>
    (await t.app.inject({ url: "/batches", headers: session })).statusCode;

  const signedOut = await sessionOf();
  assert.equal(await ask(signedOut), 200);
  const headers = { ...signedOut, ...SAME };
  const response = await t.app.inject({ method: "POST", url: "/batch_admin/sign_out", headers });
  assert.equal(response.statusCode, 303);
  assert.equal(await ask(signedOut), 401);

  const expired = await sessionOf();
  await t.owner.query("update ingest.sessions set expires_at = now() - interval '1 second'");
  assert.equal(await ask(expired), 401);

  const revoked = await sessionOf(OTHER_API_KEY);
  assert.equal(await ask(revoked), 200);
  await t.owner.query("update ingest.api_keys set revoked_at = now() where name = 'other'");
  assert.equal(await ask(revoked), 401);
  await t.owner.query("update ingest.api_keys set revoked_at = null");
});

test("with a cookie, only our own pages may change anything", async () => {
  const session = await sessionOf();
  const { batchId } = await uploadedBatch(t.app);
  for (const url of [
    `/batches/${batchId}/cancel`,
    `/webhook_retry/${batchId}`,
    "/upload_batch",
    `/batch_admin/cancel/${batchId}`,
    "/batch_admin/upload",
  ]) {
    for (const origin of [
      {},
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      { origin: "null" },
    ]) {
      const headers = { ...session, ...origin };
      const response = await t.app.inject({ method: "POST", url, headers });
      assert.equal(response.statusCode, 403, `${url} ${JSON.stringify(origin)}`);
      assert.match(response.body, /CSRF_REFUSED/);
    }
  }
  const url = `/batches/${batchId}/cancel`;
  const ours = { ...session, host: "valify.example", origin: "https://valify.example" };
  assert.equal((await t.app.inject({ method: "POST", url, headers: ours })).statusCode, 202);
});

test("a cookie shows its tenant's batches and no other's", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const ours = await t.app.inject({ url: "/batch_admin", headers: await sessionOf() });
  assert.ok(ours.body.includes(batchId));
  const theirs = await sessionOf(OTHER_API_KEY);
  const page = await t.app.inject({ url: "/batch_admin", headers: theirs });
  assert.ok(!page.body.includes(batchId));
  for (const url of [`/batch_admin/cancel/${batchId}`, "/batch_admin/cancel/batch_x"]) {
    const headers = { ...theirs, ...SAME };
    const response = await t.app.inject({ method: "POST", url, headers });
    assert.equal(response.statusCode, 404);
  }
  const status = await t.app.inject({ url: `/batch_status/${batchId}`, headers: theirs });
  assert.equal(status.statusCode, 404);
});

const uploadFile = async (bytes: string, filename = "leads.csv") => {
  const form = formOf({ bytes, filename });
  const headers = { ...form.headers, ...(await sessionOf()), ...SAME };
  return t.app.inject({
    method: "POST",
    url: "/batch_admin/upload?on_duplicate=allow",
    payload: form.payload,
    headers,
  });
};

test("an upload comes back to the list with its outcome", async () => {
  const response = await uploadFile(CSV);
  assert.equal(response.statusCode, 303);
  const location = String(response.headers.location);
  assert.match(location, /^\/batch_admin\?uploaded=batch_[0-9a-z]{26}$/);
  const page = await t.app.inject({ url: location, headers: await sessionOf() });
  assert.match(page.body, /role="status"><p>Uploaded 2 leads\.<\/p>/);
});

test("a refused upload says why on the page itself, and nothing of it in a URL", async () => {
  const response = await uploadFile("Ada,Quillfeather,15/03/1990\n");
  assert.equal(response.statusCode, 422);
  assert.equal(response.headers.location, undefined);
  assert.match(response.body, /role="alert"><p>Not uploaded\. The first row must be/);
});

test("a file name cannot smuggle markup into the page", async () => {
  await uploadFile(CSV, `<script src='x'>.csv`);
  const page = await t.app.inject({ url: "/batch_admin", headers: await sessionOf() });
  assert.ok(!page.body.includes("<script"));
  assert.ok(page.body.includes("&lt;script src=&#39;x&#39;&gt;.csv"));
});

test("every page forbids scripts, frames and foreign forms", async () => {
  for (const request of [
    { url: "/batch_admin" },
    { url: "/batch_admin", headers: await sessionOf() },
    { url: "/batch_admin?cursor=bad", headers: await sessionOf() },
  ]) {
    const { headers, body } = await t.app.inject(request);
    assert.equal(
      headers["content-security-policy"],
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "same-origin");
    assert.equal(headers["cache-control"], "no-store");
    assert.doesNotMatch(body, /<script|<style|style=|\son[a-z]+=/);
  }
  const style = await t.app.inject({ url: "/batch_admin/style.css" });
  assert.equal(style.headers["content-type"], "text/css; charset=utf-8");
});

test("the page offers what fits a batch, and reloads while one is at work", async () => {
  await using own = await createTestApp();
  const show = async (query = "") =>
    (await own.app.inject({ url: `/batch_admin${query}`, headers: AUTH })).body;
  assert.match(await show(), /Nothing is uploaded yet/);
  assert.doesNotMatch(await show(), /http-equiv="refresh"/);

  const { batchId } = await uploadedBatch(own.app);
  assert.match(await show(), /http-equiv="refresh"/);
  assert.doesNotMatch(await show("?live=off"), /http-equiv="refresh"/);
  assert.match(await show(), />\s*Cancel\s*</);
  assert.doesNotMatch(await show(), /download_results/);

  await setRun(own.owner, uuidOfBatchId(batchId), { status: "completed", valid: 2 });
  assert.doesNotMatch(await show(), /http-equiv="refresh"/);
  assert.match(await show(), new RegExp(`href="/download_results/${batchId}"`));

  const url = `/batch_admin/cancel/${batchId}`;
  const cancelled = await own.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual([cancelled.statusCode, cancelled.headers.location], [303, "/batch_admin"]);
  assert.match(await show(), /class="cancelled">cancelled/);
  assert.doesNotMatch(await show(), /\/batch_admin\/cancel\//);
});

const filesOn = (body: string) => body.match(/file-\d+-end<small>/g) ?? [];

test("older batches are a link away", async () => {
  await using own = await createTestApp();
  await own.owner.query(
    `insert into ingest.batches (batch_id, tenant_id, filename, object_key, byte_count,
       content_sha256, encoding, delimiter, total_leads, warnings, as_of, webhook_delay_ms)
     select gen_random_uuid(), (select tenant_id from ingest.tenants where name = 'default'),
       'file-' || n || '-end', 'x', 1, '', 'utf-8', ',', 1, '[]', '2026-11-22', 0
     from generate_series(1, 51) as n`,
  );
  const first = await own.app.inject({ url: "/batch_admin", headers: AUTH });
  const [, link] = /href="(\/batch_admin\?cursor=[^"]+)"/.exec(first.body) ?? [];
  assert.ok(link);
  const second = await own.app.inject({ url: link, headers: AUTH });
  assert.equal(filesOn(first.body).length, 50);
  assert.equal(filesOn(second.body).length, 1);
  assert.equal(new Set([...filesOn(first.body), ...filesOn(second.body)]).size, 51);
});

test("errors are pages too", async () => {
  const headers = await sessionOf();
  await t.owner.query("alter table validation.runs rename to runs_away");
  try {
    const response = await t.app.inject({ url: "/batch_admin", headers });
    assert.equal(response.statusCode, 500);
    assert.equal(response.headers["content-type"], "text/html; charset=utf-8");
    assert.match(response.body, /INTERNAL/);
  } finally {
    await t.owner.query("alter table validation.runs_away rename to runs");
  }
});
