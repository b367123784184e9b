import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { sql } from "kysely";
import { Client } from "pg";

import {
  checkDatabase,
  createDatabase,
  createPool,
  type DatabaseOptions,
} from "./create-database.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
after(() => database[Symbol.asyncDispose]());

function open(options: Partial<DatabaseOptions> = {}) {
  return createDatabase({
    url: database.url,
    role: null,
    applicationName: "valify-test",
    ...options,
  });
}

test("a date comes as text, a bigint as a number, a timestamptz as a Date", async () => {
  await using db = open();
  const { rows } = await sql<Record<string, unknown>>`
    select '2024-02-29'::date as day, 9007199254740991::bigint as big,
           '2024-01-15 11:30:00+01'::timestamptz as at, null::date as nothing`.execute(db);
  assert.deepEqual(rows, [
    {
      day: "2024-02-29",
      big: Number.MAX_SAFE_INTEGER,
      at: new Date("2024-01-15T10:30:00Z"),
      nothing: null,
    },
  ]);
});

test("each pool parses for itself and leaves other users of the driver alone", async () => {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query("select 1::bigint as big");
  await client.end();
  assert.deepEqual(rows, [{ big: "1" }]);
});

for (const role of [
  "valify_ingest",
  "valify_validator",
  "valify_scheduler",
  "valify_dispatcher",
] as const) {
  test(`every connection of a pool takes the role ${role}`, async () => {
    await using db = open({ role, connectionsMax: 2 });
    const asked = () =>
      sql<{ role: string; pid: number }>`
        select current_user as role, pg_backend_pid() as pid, pg_sleep(0.02)`.execute(db);
    const answers = await Promise.all([asked(), asked()]);
    const [first, second] = answers.map(({ rows }) => rows[0]);
    assert.deepEqual([first?.role, second?.role], [role, role]);
    assert.notEqual(first?.pid, second?.pid);
  });
}

test("options in the address do not take the role and the time limits away", async () => {
  const url = `${database.url}?options=${encodeURIComponent("-c geqo=off -c role=none")}`;
  await using db = open({ url, role: "valify_ingest" });
  const { rows } = await sql`
    select current_user as role, current_setting('geqo') as geqo,
           current_setting('statement_timeout') as statement,
           current_setting('idle_in_transaction_session_timeout') as idle`.execute(db);
  assert.deepEqual(rows, [{ role: "valify_ingest", geqo: "off", statement: "30s", idle: "10s" }]);
});

test("sessions carry the name and the further settings they are opened with", async () => {
  await using db = open({
    applicationName: "valify-scheduler",
    settings: { plan_cache_mode: "force_generic_plan", DateStyle: "ISO, DMY" },
  });
  const { rows } = await sql`
    select current_setting('application_name') as name,
           current_setting('plan_cache_mode') as plan,
           current_setting('DateStyle') as style`.execute(db);
  assert.deepEqual(rows, [
    { name: "valify-scheduler", plan: "force_generic_plan", style: "ISO, DMY" },
  ]);
});

test("a login that is no member of the role is refused at connect", async () => {
  await using admin = open();
  const login = `valify_stranger_${randomUUID().slice(0, 8)}`;
  await sql`create role ${sql.id(login)} login password ${sql.lit(login)}`.execute(admin);
  try {
    const url = new URL(database.url);
    url.username = login;
    url.password = login;
    await using db = open({ url: url.href, role: "valify_ingest" });
    await assert.rejects(checkDatabase(db), { code: "42501" });
    await sql`grant valify_ingest to ${sql.id(login)}`.execute(admin);
    const { rows } = await sql`select current_user as role`.execute(db);
    assert.deepEqual(rows, [{ role: "valify_ingest" }]);
  } finally {
    await sql`drop role ${sql.id(login)}`.execute(admin);
  }
});

test("a pool outlives the end of its idle connections and says so", async () => {
  const lost = Promise.withResolvers<Error>();
  await using admin = open();
  await using db = open({ connectionsMax: 1, onIdleError: lost.resolve });
  const before = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  await sql`select pg_terminate_backend(${before.rows[0]?.pid})`.execute(admin);
  assert.match((await lost.promise).message, /terminat/i);
  const later = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  assert.notEqual(later.rows[0]?.pid, before.rows[0]?.pid);
});

test("a connection that dies inside a transaction fails it and not the process", async () => {
  await using admin = open();
  await using db = open();
  const dying = db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
    await sql`select pg_terminate_backend(${rows[0]?.pid}, 5000)`.execute(admin);
    await sql`select 1`.execute(trx);
  });
  await assert.rejects(dying);
  await checkDatabase(db);
});

test("nobody needs to listen for a lost connection", async () => {
  await using admin = open();
  const pool = createPool({ url: database.url, role: null, applicationName: "valify-test" });
  const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  const removed = Promise.withResolvers<unknown>();
  pool.once("remove", removed.resolve);
  await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(admin);
  await removed.promise;
  assert.equal((await pool.query("select 1")).rowCount, 1);
  await pool.end();
});

test("a check rejects while nobody listens", async () => {
  const url = new URL(database.url);
  url.port = "1";
  await using db = open({ url: url.href });
  await assert.rejects(checkDatabase(db), { code: "ECONNREFUSED" });
});
