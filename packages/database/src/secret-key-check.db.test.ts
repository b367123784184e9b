import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";

import { type Kysely, sql } from "kysely";

import { createDatabase, type ServiceRole } from "./create-database.ts";
import type { KeySchema } from "./schema-secret-key-check.ts";
import type { Database } from "./schema.ts";
import { confirmSecretKey, secretKeyCheckOf } from "./secret-key-check.ts";
import { createTestDatabase, requireEnv, type TestDatabase } from "./testing.ts";

// Goal: whatever service starts, in whatever order or at once, all of them have one SECRET_KEY.
// Method: each service's own role asks, in the database that they share.

const KEY = "0123456789abcdef0123456789abcdef";
const OTHER = "0123456789abcdef0123456789abcdeg";
const ROLES = {
  ingest: "valify_ingest",
  validation: "valify_validator",
  delivery: "valify_dispatcher",
} as const satisfies Record<KeySchema, ServiceRole>;
const SCHEMAS = ["ingest", "validation", "delivery"] as const;

let database: TestDatabase;
let owner: Kysely<Database>;
let services: Readonly<Record<KeySchema, Kysely<Database>>>;
before(async () => {
  database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
  owner = open(null);
  services = {
    ingest: open(ROLES.ingest),
    validation: open(ROLES.validation),
    delivery: open(ROLES.delivery),
  };
});
after(async () => {
  for (const db of [owner, ...Object.values(services)]) await db.destroy();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const schema of SCHEMAS) await owner.deleteFrom(`${schema}.secret_key_check`).execute();
});

function open(role: ServiceRole | null) {
  const options = { applicationName: "valify-test", connectionsMax: 4 };
  return createDatabase({ url: database.url, role, ...options });
}

const ask = (schema: KeySchema, key: string) => confirmSecretKey(services[schema], schema, key);

async function marks() {
  const { rows } = await sql<{ schema: KeySchema; value: Buffer }>`
    select 'ingest' as schema, check_value as value from ingest.secret_key_check
    union all select 'validation', check_value from validation.secret_key_check
    union all select 'delivery', check_value from delivery.secret_key_check`.execute(owner);
  return rows;
}

test("the mark is an HMAC under a key of its own, as anybody else would make it", () => {
  const key = Buffer.from(hkdfSync("sha256", KEY, "", "valify key check v1", 32));
  assert.deepEqual(secretKeyCheckOf(KEY), createHmac("sha256", key).update("SECRET_KEY").digest());
});

for (const schema of SCHEMAS) {
  test(`the first key that ${schema} is given is its key from then on`, async () => {
    assert.equal(await ask(schema, KEY), true);
    assert.deepEqual(await marks(), [{ schema, value: secretKeyCheckOf(KEY) }]);
    assert.equal(await ask(schema, OTHER), false);
    assert.equal(await ask(schema, KEY), true);
    assert.deepEqual(await marks(), [{ schema, value: secretKeyCheckOf(KEY) }]);
  });

  test(`another key than ${schema} has is refused to every service, and leaves no mark`, async () => {
    await ask(schema, KEY);
    for (const other of SCHEMAS) assert.equal(await ask(other, OTHER), false, other);
    assert.equal((await marks()).length, 1);
    for (const other of SCHEMAS) assert.equal(await ask(other, KEY), true, other);
    assert.equal((await marks()).length, 3);
  });
}

test("of replicas with two keys that start at once, those with one of them go on", async () => {
  const ofEach = [KEY, OTHER, KEY, OTHER];
  const asked = SCHEMAS.flatMap((schema) => ofEach.map((key) => ({ schema, key })));
  // Held up by a lock until several wait for the marks, they do meet.
  const starts = await owner.transaction().execute(async (trx) => {
    await sql`lock table delivery.secret_key_check in access exclusive mode`.execute(trx);
    const begun = asked.map(({ schema, key }) => ask(schema, key));
    while ((await countWaiting()) < asked.length);
    return begun;
  });
  const outcomes = await Promise.all(starts);
  const [mark, ...others] = await marks();
  assert.equal(others.length, 2);
  for (const { value } of others) assert.deepEqual(value, mark?.value);
  for (const [index, { key }] of asked.entries()) {
    assert.equal(outcomes[index], mark?.value.equals(secretKeyCheckOf(key)));
  }
});

async function countWaiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(owner);
  return rows[0]?.count ?? 0;
}
