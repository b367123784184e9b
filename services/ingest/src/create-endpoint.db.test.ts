import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { EndpointCreated } from "@valify/contracts/api";

import {
  AUTH,
  codeOf,
  createTestApp,
  guardWhere,
  OTHER_AUTH,
  type TestApp,
} from "./test-support.ts";

const HOOK = { url: "https://hooks.example.com/leads", description: "Sales" };
/** What the name server says; public unless a test says otherwise. */
let address = "1.1.1.1";
let t: TestApp;
before(async () => {
  t = await createTestApp({ guard: guardWhere(() => address) });
});
beforeEach(async () => {
  address = "1.1.1.1";
  await t.owner.query("delete from ingest.endpoints");
  await t.owner.query("delete from ingest.endpoint_creations");
});
after(() => t[Symbol.asyncDispose]());

const create = (key: string | null, payload: object = HOOK, auth = AUTH) =>
  t.app.inject({
    method: "POST",
    url: "/endpoints",
    headers: { ...auth, ...(key !== null && { "idempotency-key": key }) },
    payload,
  });

async function countOf(what: string): Promise<number> {
  const { rows } = await t.owner.query(`select count(*)::int as count from ${what}`);
  return rows[0].count;
}

test("the same request under its key creates one endpoint and gets the same answer, secret and all", async () => {
  const entries = await countOf("ingest.audit_log");
  const first = await create("monday", { ...HOOK, headers: { "x-a": "1", "x-b": "2" } });
  assert.equal(first.statusCode, 201, first.body);
  const { secret } = EndpointCreated.parse(first.json());
  assert.match(secret ?? "", /^whsec_/);
  // In another order it is the same request.
  const again = await create("monday", { headers: { "x-b": "2", "x-a": "1" }, ...HOOK });
  assert.deepEqual([again.statusCode, again.json()], [201, first.json()]);
  assert.equal(again.headers["location"], first.headers["location"]);
  assert.equal(await countOf("ingest.endpoints"), 1);
  assert.equal(await countOf("ingest.audit_log"), entries + 1);
  const { rows } = await t.owner.query("select * from ingest.endpoint_creations");
  const kept = JSON.stringify(rows, (_, value: unknown) =>
    Buffer.isBuffer(value) ? value.toString("latin1") : value,
  );
  assert.ok(!kept.includes(secret ?? "-") && !kept.includes("hooks.example"), "all is sealed");
});

test("without a key every request creates one, and each key stands for its own", async () => {
  for (const key of [null, null, "monday", "tuesday"]) {
    assert.equal((await create(key)).statusCode, 201);
  }
  assert.equal(await countOf("ingest.endpoints"), 4);
});

test("another request under the same key is refused, and changes nothing", async () => {
  await create("monday");
  for (const other of [{ description: "Other" }, { signature: "v1a" }, { send: "valid" }]) {
    const refused = await create("monday", { ...HOOK, ...other });
    assert.deepEqual([refused.statusCode, codeOf(refused)], [422, "IDEMPOTENCY_KEY_MISMATCH"]);
  }
  assert.equal(await countOf("ingest.endpoints"), 1);
});

test("ten at once under one key create one endpoint and get one answer", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => create("race")));
  assert.deepEqual([...new Set(answers.map(({ statusCode }) => statusCode))], [201]);
  assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
  assert.equal(await countOf("ingest.endpoints"), 1);
});

test("another tenant's key is another key", async () => {
  const mine = EndpointCreated.parse((await create("shared")).json());
  const theirs = EndpointCreated.parse((await create("shared", HOOK, OTHER_AUTH)).json());
  assert.notEqual(theirs.endpoint_id, mine.endpoint_id);
  assert.notEqual(theirs.secret, mine.secret);
});

test("what is refused uses no key up", async () => {
  address = "127.0.0.1";
  assert.equal(codeOf(await create("monday")), "ENDPOINT_ADDRESS_REFUSED");
  address = "1.1.1.1";
  assert.equal((await create("monday")).statusCode, 201);
  // Answered again from what is kept: nobody asks for the address once more.
  address = "127.0.0.1";
  assert.equal((await create("monday")).statusCode, 201);
});

const age = (interval: string) =>
  t.owner.query("update ingest.endpoint_creations set created_at = now() - $1::interval", [
    interval,
  ]);

test("a key is kept for 24 hours", async () => {
  const first = await create("monday");
  await age("23 hours 59 minutes");
  assert.equal((await create("monday")).body, first.body);
  await age("24 hours 1 minute");
  const next = await create("monday", { ...HOOK, description: "Another" });
  assert.equal(next.statusCode, 201);
  assert.notEqual(next.body, first.body);
  assert.equal(
    (await create("monday", { ...HOOK, description: "Another" })).body,
    next.body,
    "the key begins anew",
  );
});

test("a key is 1 to 255 printable characters", async () => {
  assert.equal((await create("~ ".repeat(127).concat("x"))).statusCode, 201);
  for (const key of ["", "x".repeat(256), "é"]) {
    const refused = await create(key);
    assert.deepEqual([refused.statusCode, codeOf(refused)], [400, "IDEMPOTENCY_KEY_INVALID"], key);
  }
});

test("there is a bound to the answers that are kept for a tenant", async () => {
  await create("monday");
  await t.owner.query(
    `insert into ingest.endpoint_creations
     select tenant_id, 'key ' || n, request_hash, answer_encrypted
     from ingest.endpoint_creations, generate_series(1, 999) as n`,
  );
  const refused = await create("tuesday");
  assert.deepEqual([refused.statusCode, codeOf(refused)], [409, "ENDPOINT_LIMIT_REACHED"]);
  assert.equal((await create("monday")).statusCode, 201);
  assert.equal((await create(null)).statusCode, 201);
});
