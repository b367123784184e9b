import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createPool } from "@valify/database";
import { createTestDatabase, type TestDatabase } from "@valify/database/testing";
import { createSecretBox } from "@valify/runtime";

import { hashOfSecret } from "./auth.ts";
import { bootstrap, DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { databaseAt, requireEnv, silentLog } from "./test-support.ts";

const secretBox = createSecretBox("k".repeat(32));
const BOOTSTRAP_API_KEY = "a-key-that-is-long-enough-0123456789";
const settings = {
  BOOTSTRAP_API_KEY,
  defaultEndpoint: { url: "https://hooks.example/1", secret: "whsec_one" },
};

let database: TestDatabase;
let db: ReturnType<typeof databaseAt>;
let owner: ReturnType<typeof createPool>;
before(async () => {
  database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
  db = databaseAt(database.url);
  owner = createPool({ url: database.url, role: null, applicationName: "test" });
});
after(async () => {
  await db.destroy();
  await owner.end();
  await database[Symbol.asyncDispose]();
});

const run = (changes: Partial<Parameters<typeof bootstrap>[1]> = {}) =>
  bootstrap({ db, secretBox, log: silentLog() }, { ...settings, ...changes });

async function endpoints() {
  const { rows } = await owner.query(
    "select endpoint_id, url, status, secret_encrypted, is_default from ingest.endpoints",
  );
  return rows.map(({ endpoint_id: id, url, status, is_default: isDefault, secret_encrypted }) => {
    const secret = secretBox.open(secret_encrypted);
    return { id, url, status, isDefault, secret };
  });
}

test("several replicas at once make one tenant, one key and one endpoint", async () => {
  await Promise.all([run(), run(), run(), run()]);
  const { rows: tenants } = await owner.query("select tenant_id, name from ingest.tenants");
  assert.deepEqual(tenants, [{ tenant_id: DEFAULT_TENANT_ID, name: "default" }]);
  const { rows: keys } = await owner.query("select key_hash from ingest.api_keys");
  assert.deepEqual(keys, [{ key_hash: hashOfSecret(BOOTSTRAP_API_KEY) }]);
  const [endpoint, ...others] = await endpoints();
  assert.deepEqual(others, []);
  assert.equal(endpoint?.url, "https://hooks.example/1");
  assert.equal(endpoint?.secret, "whsec_one");
  assert.equal(endpoint?.isDefault, true);
});

test("a changed setting changes the endpoint, which stays as paused as it was", async () => {
  await run();
  const [first] = await endpoints();
  await owner.query("update ingest.endpoints set status = 'paused'");
  await run({ defaultEndpoint: { url: "https://hooks.example/2", secret: "whsec_two" } });
  const [changed, ...others] = await endpoints();
  assert.deepEqual(others, []);
  assert.equal(changed?.id, first?.id);
  assert.equal(changed?.url, "https://hooks.example/2");
  assert.equal(changed?.secret, "whsec_two");
  assert.equal(changed?.status, "paused");
});

test("a restart with the same settings undoes nothing that was changed since", async () => {
  await run();
  await owner.query("update ingest.endpoints set url = 'https://moved.example/', public_key = 'p'");
  await run();
  assert.equal((await endpoints())[0]?.url, "https://moved.example/");
  const otherKey = createSecretBox("o".repeat(32));
  await bootstrap({ db, secretBox: otherKey, log: silentLog() }, settings);
  const { rows } = await owner.query("select url, secret_encrypted from ingest.endpoints");
  assert.equal(rows[0].url, settings.defaultEndpoint.url);
  assert.equal(otherKey.open(rows[0].secret_encrypted), settings.defaultEndpoint.secret);
  await run();
});

test("without WEBHOOK_URL an endpoint that is there stays", async () => {
  await run();
  const found = await endpoints();
  await run({ defaultEndpoint: null });
  assert.deepEqual(await endpoints(), found);
});

async function users() {
  const { rows } = await owner.query(
    "select tenant_id, email, role, password_hash from ingest.users",
  );
  return rows;
}

test("the first admin is made once, and a changed setting changes nobody's password", async () => {
  const admin = { ADMIN_EMAIL: "First@Example.com", ADMIN_PASSWORD: "a long enough password" };
  await Promise.all([run(admin), run(admin)]);
  const [first, ...others] = await users();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [first.tenant_id, first.email, first.role],
    [DEFAULT_TENANT_ID, "first@example.com", "admin"],
  );
  assert.match(first.password_hash, /^\$argon2id\$/);
  await run({ ...admin, ADMIN_PASSWORD: "another long password" });
  assert.deepEqual(await users(), [first]);
});

test("a key that was revoked stays revoked", async () => {
  await run();
  await owner.query("update ingest.api_keys set revoked_at = now()");
  await run();
  const { rows } = await owner.query("select revoked_at from ingest.api_keys");
  assert.equal(rows.length, 1);
  assert.notEqual(rows[0].revoked_at, null);
});
