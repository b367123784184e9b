import assert from "node:assert/strict";
import { after, test } from "node:test";

import { type Kysely, sql } from "kysely";

import { createDatabase, type ServiceRole } from "./create-database.ts";
import type { Database } from "./schema.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

// Goal: ingest sees the rows of the tenant that its transaction names and no others, in every table
// that has a tenant; the other services are not bound.
// Method: two tenants with a row in several tables, and the catalogue for the rest.

const TENANTS = [
  "0b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5b",
  "1b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5b",
] as const;
const [ONE, OTHER] = TENANTS;

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const owner = open(null);
for (const tenantId of TENANTS) {
  await sql`insert into ingest.tenants (tenant_id, name) values (${tenantId}, 'x')`.execute(owner);
  await sql`
    insert into validation.runs (batch_id, tenant_id, total_leads)
    values (gen_random_uuid(), ${tenantId}, 1)`.execute(owner);
}
after(async () => {
  await owner.destroy();
  await database[Symbol.asyncDispose]();
});

function open(role: ServiceRole | null) {
  const options = { applicationName: "valify-test", connectionsMax: 1 };
  return createDatabase({ url: database.url, role, ...options });
}

async function tenantsSeen(db: Kysely<Database>, setting?: readonly [string, string]) {
  return db.transaction().execute(async (trx) => {
    if (setting) await sql`select set_config(${setting[0]}, ${setting[1]}, true)`.execute(trx);
    const { rows } = await sql<{ tenant: string }>`
      select tenant_id as tenant from ingest.tenants
      union all select tenant_id from validation.runs order by 1`.execute(trx);
    return rows.map(({ tenant }) => tenant);
  });
}

test("every table with a tenant that ingest reads stands behind the wall", async () => {
  const { rows } = await sql<{ name: string }>`
    select c.oid::regclass::text as name from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname in ('ingest', 'validation', 'scheduling', 'delivery')
      and exists (select from pg_attribute
                  where attrelid = c.oid and attname = 'tenant_id' and not attisdropped)
      and has_table_privilege('valify_ingest', c.oid, 'select')
      and not (c.relrowsecurity
               and exists (select from pg_policy
                           where polrelid = c.oid and polname = 'tenant_wall'))`.execute(owner);
  const names = rows.map(({ name }) => name);
  assert.deepEqual(names, [], "call ingest.raise_tenant_wall('…') in its migration");
});

test("a query that names no tenant sees its own tenant's rows only", async () => {
  await using db = open("valify_ingest");
  assert.deepEqual(await tenantsSeen(db, ["valify.tenant", ONE]), [ONE, ONE]);
  assert.deepEqual(await tenantsSeen(db, ["valify.tenant", OTHER]), [OTHER, OTHER]);
});

test("outside of such a transaction nothing is seen, also after one on the same connection", async () => {
  await using db = open("valify_ingest");
  assert.deepEqual(await tenantsSeen(db), []);
  await tenantsSeen(db, ["valify.tenant", ONE]);
  assert.deepEqual(await tenantsSeen(db), []);
});

test("background work sees every tenant's", async () => {
  await using db = open("valify_ingest");
  assert.deepEqual(await tenantsSeen(db, ["valify.system", "on"]), [ONE, ONE, OTHER, OTHER]);
});

test("no row is written, moved or deleted across the wall", async () => {
  await using db = open("valify_ingest");
  const asOne = (statement: string) =>
    db.transaction().execute(async (trx) => {
      await sql`select set_config('valify.tenant', ${ONE}, true)`.execute(trx);
      return sql.raw(statement).execute(trx);
    });
  const key = "insert into ingest.api_keys (tenant_id, name, key_hash) values";
  await assert.rejects(asOne(`${key} ('${OTHER}', 'x', 'x')`), { code: "42501" });
  await asOne(`${key} ('${ONE}', 'x', 'x')`);
  const move = `update ingest.api_keys set tenant_id = '${OTHER}'`;
  await assert.rejects(asOne(move), { code: "42501" });
  const { numAffectedRows } = await asOne(
    `delete from ingest.tenants where tenant_id = '${OTHER}'`,
  );
  assert.equal(numAffectedRows, 0n);
});

test("the other services are bound by their GRANTs alone", async () => {
  await using validator = open("valify_validator");
  const { rows } = await sql`select from validation.runs`.execute(validator);
  assert.equal(rows.length, 2);
  await using dispatcher = open("valify_dispatcher");
  await sql`select from ingest.endpoints`.execute(dispatcher);
});
