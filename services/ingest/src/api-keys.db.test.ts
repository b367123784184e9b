import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AUTH, callerOf, codeOf, createTestApp, OTHER_AUTH, type TestApp } from "./test-support.ts";

let t: TestApp;
let call: ReturnType<typeof callerOf>;
before(async () => {
  t = await createTestApp();
  call = callerOf(t);
});
after(() => t[Symbol.asyncDispose]());

interface Created {
  readonly key: string;
  readonly api_key_id: string;
  readonly hint: string;
}

async function newKey(scopes: readonly string[], headers = AUTH) {
  const response = await call("POST", "/api_keys", headers, { name: "of a test", scopes });
  assert.equal(response.statusCode, 201, response.body);
  const created = response.json<Created>();
  return { ...created, headers: { authorization: `Bearer ${created.key}` } };
}

test("a new key is shown once and kept as a hash", async () => {
  const { key, api_key_id: id, hint } = await newKey(["batches:read"]);
  assert.match(key, /^vb_live_[\w-]{43}$/);
  assert.ok(key.startsWith(hint) && hint.length === 12);
  const list = await call("GET", "/api_keys", AUTH);
  assert.ok(list.body.includes(id));
  assert.ok(!list.body.includes(key));
  const { rows } = await t.owner.query("select k::text from ingest.api_keys as k");
  for (const { k } of rows) assert.ok(!String(k).includes(key.slice(12)));
});

test("a key does what its scopes say, and is refused at once when revoked", async () => {
  const { headers, api_key_id: id } = await newKey(["batches:read", "access:write"]);
  assert.equal((await call("GET", "/batches", headers)).statusCode, 200);
  assert.equal(codeOf(await call("GET", "/usage", headers)), "PERMISSION_MISSING");
  assert.equal((await call("DELETE", `/api_keys/${id}`, AUTH)).statusCode, 204);
  assert.equal((await call("GET", "/batches", headers)).statusCode, 401);
  assert.equal(codeOf(await call("DELETE", `/api_keys/${id}`, AUTH)), "API_KEY_NOT_FOUND");
});

test("a key is rotated without a gap: it makes its successor, which revokes it", async () => {
  const scopes = ["endpoints:read", "access:write"];
  const old = await newKey(scopes);
  const successor = await newKey(scopes, old.headers);
  const works = async ({ headers }: typeof old) =>
    (await call("GET", "/endpoints", headers)).statusCode;
  assert.deepEqual([await works(old), await works(successor)], [200, 200]);
  const revoking = await call("DELETE", `/api_keys/${old.api_key_id}`, successor.headers);
  assert.equal(revoking.statusCode, 204);
  assert.deepEqual([await works(old), await works(successor)], [401, 200]);
});

test("nobody hands out more than they have", async () => {
  const { headers } = await newKey(["access:write", "batches:read"]);
  const make = (scopes: readonly string[]) =>
    call("POST", "/api_keys", headers, { name: "more", scopes });
  assert.equal(codeOf(await make(["*"])), "PERMISSION_MISSING");
  assert.equal(codeOf(await make(["batches:write"])), "PERMISSION_MISSING");
  assert.equal((await make(["batches:read"])).statusCode, 201);
  const admin = { email: "more@example.com", role: "admin" };
  assert.equal(codeOf(await call("POST", "/users", headers, admin)), "PERMISSION_MISSING");
  const viewer = await call("POST", "/users", AUTH, { email: "v@example.com", role: "viewer" });
  const url = `/users/${viewer.json<{ user_id: string }>().user_id}`;
  for (const change of [{ role: "admin" }, { password: "a long enough password" }]) {
    assert.equal(codeOf(await call("PATCH", url, headers, change)), "PERMISSION_MISSING");
  }
});

for (const body of [
  { name: "", scopes: ["*"] },
  { name: "x", scopes: [] },
  { name: "x", scopes: ["batches"] },
  { name: "x", scopes: ["*"], key: "mine" },
]) {
  test(`no key is made of ${JSON.stringify(body)}`, async () => {
    assert.equal(codeOf(await call("POST", "/api_keys", AUTH, body)), "REQUEST_INVALID");
  });
}

test("the installation's admins add a tenant with its first admin, and set its limits", async () => {
  const admin = { email: "first@tenant.example", password: "a long enough password" };
  const body = { name: "New", limits: { files_per_day_max: 3 }, admin };
  const created = await call("POST", "/tenants", AUTH, body);
  assert.equal(created.statusCode, 201, created.body);
  const { tenant_id: id } = created.json<{ tenant_id: string }>();
  const signedIn = await call("POST", "/sessions", {}, admin);
  const [cookie] = signedIn.cookies;
  const session = { cookie: `${cookie?.name}=${cookie?.value}` };
  const limits = async () =>
    (await call("GET", "/tenant", session)).json<{ tenant_id: string; limits: object }>();
  const none = { leads_per_month_max: null, stored_bytes_max: null, concurrent_batches_max: null };
  assert.deepEqual((await limits()).limits, { files_per_day_max: 3, ...none });
  const change = { limits: { files_per_day_max: null, stored_bytes_max: 10 } };
  assert.equal((await call("PATCH", `/tenants/${id}`, AUTH, change)).statusCode, 200);
  assert.deepEqual((await limits()).limits, {
    ...none,
    files_per_day_max: null,
    stored_bytes_max: 10,
  });
  assert.equal((await limits()).tenant_id, id);
  assert.ok((await call("GET", "/tenants?limit=1", AUTH)).json<{ next_cursor: string }>());
  const again = await call("POST", "/tenants", AUTH, { ...body, name: "Again" });
  assert.equal(codeOf(again), "EMAIL_TAKEN");
  assert.ok(!(await call("GET", "/tenants", AUTH)).body.includes("Again"));
});

test("another tenant's admins administer no tenant", async () => {
  for (const [method, url] of [
    ["GET", "/tenants"],
    ["POST", "/tenants"],
    ["GET", "/tenants/5a1f0d3c-8e47-4b62-9c15-7d2e6b90a4f8"],
    ["PATCH", "/tenants/5a1f0d3c-8e47-4b62-9c15-7d2e6b90a4f8"],
  ] as const) {
    const payload = method === "GET" ? undefined : { name: "x" };
    assert.equal(codeOf(await call(method, url, OTHER_AUTH, payload)), "PERMISSION_MISSING");
  }
});

test("the audit log tells what was done, newest first, in pages, and that it is whole", async () => {
  const { api_key_id: id } = await newKey(["usage:read"], OTHER_AUTH);
  await call("DELETE", `/api_keys/${id}`, OTHER_AUTH);
  const pages: { action: string; object_id: string | null }[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const response = await call(
      "GET",
      `/audit_log?limit=1${cursor && `&cursor=${cursor}`}`,
      OTHER_AUTH,
    );
    const page = response.json<{ entries: typeof pages; next_cursor: string | null }>();
    pages.push(...page.entries);
    cursor = page.next_cursor;
  }
  const told = pages.filter(({ object_id }) => object_id === id).map(({ action }) => action);
  assert.deepEqual(told, ["api_key.revoked", "api_key.created"]);
  const verify = async () => (await call("GET", "/audit_log/verification", OTHER_AUTH)).json();
  assert.deepEqual(await verify(), {
    entry_count: pages.length,
    is_intact: true,
    broken_at: null,
  });
  await t.owner.query("update ingest.audit_log set actor_id = null where object_id = $1", [id]);
  assert.deepEqual(await verify(), {
    entry_count: pages.length,
    is_intact: false,
    broken_at: pages.length - 1,
  });
});
