import assert from "node:assert/strict";
import { after, test } from "node:test";

import { sql } from "kysely";

import { createDatabase, type DatabaseOptions } from "./create-database.ts";
import { readScoped } from "./scoped-reads.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

// Goal: a read with a setting sees what the setting lets it see and leaves nothing of it behind.
// Method: two tenants, one connection, and the tenants' wall.

const ONE = "0b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5b";
const OTHER = "1b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5b";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const owner = open({ role: null });
const db = open({ role: "valify_ingest", pipelines: true });
for (const tenantId of [ONE, OTHER]) {
  await sql`insert into ingest.tenants (tenant_id, name) values (${tenantId}, 'x')`.execute(owner);
}
after(async () => {
  await owner.destroy();
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

function open(options: Pick<DatabaseOptions, "role" | "pipelines">) {
  const name = "valify-test";
  return createDatabase({
    url: database.url,
    applicationName: name,
    connectionsMax: 1,
    ...options,
  });
}

const within = (value: string) => readScoped(db, { name: "valify.tenant", value });
const tenants = sql<{ id: string }>`select tenant_id as id from ingest.tenants order by 1`;
const idsSeen = async (reader: Parameters<typeof tenants.execute>[0]) =>
  (await tenants.execute(reader)).rows.map(({ id }) => id);

test("many at once on one connection each see their own tenant, and nothing stays behind", async () => {
  const seen = await Promise.all(
    Array.from({ length: 20 }, (_, index) => idsSeen(within(index % 2 === 0 ? ONE : OTHER))),
  );
  assert.deepEqual(seen.slice(0, 2), [[ONE], [OTHER]]);
  assert.ok(seen.every((ids, index) => ids.length === 1 && ids[0] === seen[index % 2]?.[0]));
  assert.deepEqual(await idsSeen(db), []);
});

test("whatever stands in the setting is text to Postgres", async () => {
  // Taken for SQL, it would show every tenant; as text it is no tenant's id.
  const text = `${ONE}', true); select set_config('valify.system', 'on`;
  await assert.rejects(idsSeen(within(text)), { code: "22P02" });
  assert.deepEqual(await idsSeen(within(ONE)), [ONE]);
});

test("it writes nothing, and a query that fails spoils no later one", async () => {
  const write = sql`update ingest.tenants set name = 'y' where tenant_id = ${ONE}`;
  await assert.rejects(write.execute(within(ONE)), { code: "25006" });
  await assert.rejects(sql`select 1 / 0`.execute(within(ONE)), { code: "22012" });
  assert.deepEqual(await idsSeen(within(ONE)), [ONE]);
});

test("a connection that breaks in it is replaced", async () => {
  const dying = sql`select pg_terminate_backend(pg_backend_pid())`.execute(within(ONE));
  await assert.rejects(dying);
  assert.deepEqual(await idsSeen(within(ONE)), [ONE]);
});

test("where the setting cannot be made, that is told, and the connection is not used again", async () => {
  const pid = sql<{ pid: number }>`select pg_backend_pid() as pid`;
  const before = (await pid.execute(db)).rows;
  await assert.rejects(idsSeen(readScoped(db, { name: "valify.a-b", value: ONE })), {
    code: "42602",
  });
  assert.notDeepEqual((await pid.execute(db)).rows, before);
});

test("a database that does not pipeline is refused: it would be four round trips again", () => {
  assert.throws(() => readScoped(owner, { name: "valify.tenant", value: ONE }), /pipelines/);
});
