import assert from "node:assert/strict";
import { after, test } from "node:test";

import { type Kysely, sql } from "kysely";

import { createDatabase, type ServiceRole } from "./create-database.ts";
import type { Database } from "./schema.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

// Goal: one writer per table, and no reader that is not listed here.
// Method: connect as each role and try every statement on every table that exists.

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const admin = open(null);
after(async () => {
  await admin.destroy();
  await database[Symbol.asyncDispose]();
});

const SCHEMA_OF: Readonly<Record<ServiceRole, string>> = {
  valify_ingest: "ingest",
  valify_validator: "validation",
  valify_scheduler: "scheduling",
  valify_dispatcher: "delivery",
};
const ROLES = [
  "valify_ingest",
  "valify_validator",
  "valify_scheduler",
  "valify_dispatcher",
] as const;

/** Reads of another service's table. Each stands in ARCHITECTURE.md with its reason. */
const READS: Readonly<Record<ServiceRole, readonly string[]>> = {
  valify_ingest: [
    "delivery.attempts",
    "delivery.deliveries",
    "delivery.endpoint_health",
    "delivery.secret_key_check",
    "scheduling.cancelled_batch",
    "scheduling.due",
    "validation.lead_claims",
    "validation.leads",
    "validation.queue",
    "validation.runs",
    "validation.secret_key_check",
    "validation.suppressions",
  ],
  valify_validator: ["delivery.secret_key_check", "ingest.secret_key_check"],
  valify_scheduler: [],
  valify_dispatcher: [
    "ingest.endpoints",
    "ingest.replay_targets",
    "ingest.secret_key_check",
    "validation.leads",
    "validation.secret_key_check",
  ],
};

/** Entries are never changed, so that nobody can cover up what they did or used. */
const APPEND_ONLY = ["ingest.audit_log", "ingest.usage_entries"];

const REFUSED = "42501";

function open(role: ServiceRole | null) {
  return createDatabase({
    url: database.url,
    role,
    applicationName: "valify-test",
    connectionsMax: 2,
    // Past the tenants' wall: this test is about the GRANTs alone.
    settings: { "valify.system": "on" },
  });
}

/** `undefined`: it ran. Else the SQLSTATE, where anything but 42501 got past the GRANTs. */
async function codeOf(db: Kysely<Database>, statement: string): Promise<string | undefined> {
  try {
    await sql.raw(statement).execute(db);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && typeof error.code === "string");
    return error.code;
  }
}

async function tables(): Promise<readonly { schema: string; table: string; column: string }[]> {
  const { rows } = await sql<{ schema: string; table: string; column: string }>`
    select n.nspname as schema, n.nspname || '.' || c.relname as table,
           (select attname from pg_attribute
             where attrelid = c.oid and attnum > 0 and attidentity = '' order by attnum limit 1) as column
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname in ('ingest', 'validation', 'scheduling', 'delivery')
    order by 2`.execute(admin);
  return rows;
}

function writes(table: string, column: string): readonly string[] {
  return [
    `insert into ${table} default values`,
    `update ${table} set ${column} = ${column} where false`,
    `delete from ${table} where false`,
  ];
}

test("the migrations make every table that the matrix is about", async () => {
  const names = (await tables()).map(({ table }) => table);
  for (const name of ["ingest.outbox", "validation.leads", "scheduling.due", "delivery.attempts"]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(names.length >= 13, `${names.length} tables`);
});

for (const role of ROLES) {
  test(`${role} writes every table of its own schema`, async () => {
    await using db = open(role);
    for (const { schema, table, column } of await tables()) {
      if (schema !== SCHEMA_OF[role] || APPEND_ONLY.includes(table)) continue;
      for (const statement of [...writes(table, column), `select * from ${table} for update`]) {
        assert.notEqual(await codeOf(db, statement), REFUSED, statement);
      }
    }
  });

  test(`${role} is refused every write, lock and truncation of another's tables`, async () => {
    await using db = open(role);
    for (const { schema, table, column } of await tables()) {
      if (schema === SCHEMA_OF[role]) continue;
      const locks = [`select * from ${table} for update`, `truncate ${table}`];
      for (const statement of [...writes(table, column), ...locks]) {
        assert.equal(await codeOf(db, statement), REFUSED, statement);
      }
    }
  });

  test(`${role} reads another's table only where it is listed`, async () => {
    await using db = open(role);
    for (const { schema, table } of await tables()) {
      if (schema === SCHEMA_OF[role]) continue;
      const expected = READS[role].includes(table) ? undefined : REFUSED;
      assert.equal(await codeOf(db, `select * from ${table} limit 1`), expected, table);
    }
  });

  test(`${role} makes no table outside its own schema and no schema`, async () => {
    await using db = open(role);
    const schemas = ["ingest", "validation", "scheduling", "delivery", "public"];
    for (const schema of schemas.filter((name) => name !== SCHEMA_OF[role])) {
      assert.equal(await codeOf(db, `create table ${schema}.mine (id int)`), REFUSED, schema);
    }
    assert.equal(await codeOf(db, "create schema mine"), REFUSED);
    assert.equal(await codeOf(db, "select * from public.kysely_migration"), REFUSED);
  });
}

for (const table of APPEND_ONLY) {
  test(`${table} grows, and nothing in it can be changed, locked or taken out`, async () => {
    await using db = open("valify_ingest");
    const [insert, ...changes] = writes(table, "tenant_id");
    assert.ok(insert !== undefined);
    assert.notEqual(await codeOf(db, insert), REFUSED);
    const others = [`select * from ${table} for update`, `truncate ${table}`];
    for (const statement of [...changes, ...others]) {
      assert.equal(await codeOf(db, statement), REFUSED, statement);
    }
  });
}

test("the scheduler's role is refused on validation.leads", async () => {
  await using db = open("valify_scheduler");
  const insert = db.insertInto("validation.leads").values({
    lead_uuid: "0b5a1f62-3c4d-5e6f-8a9b-0c1d2e3f4a5b",
    batch_id: "0b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5b",
    row_number: 1,
    line_number: 2,
    tenant_id: "0b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5c",
    lead_id: "-",
    slug_version: 1,
    first_name: "-",
    last_name: "-",
    dob: "-",
    dob_date: null,
    status: "valid",
    errors: "[]",
    warnings: "[]",
    validated_at: new Date(),
    webhook_scheduled_for: new Date(),
  });
  await assert.rejects(insert.execute(), { code: REFUSED });
  const select = db.selectFrom("validation.leads").select("lead_id");
  await assert.rejects(select.execute(), { code: REFUSED });
});

test("the dispatcher sees of a batch only whether it is cancelled", async () => {
  await using db = open("valify_dispatcher");
  assert.equal(await codeOf(db, "select batch_id, cancelled_at from ingest.batches"), undefined);
  for (const column of ["filename", "object_key", "idempotency_key", "*"]) {
    assert.equal(await codeOf(db, `select ${column} from ingest.batches`), REFUSED, column);
  }
});

test("no service role can log in by itself", async () => {
  const { rows } = await sql`
    select rolname from pg_roles
    where rolname in (${sql.join([...ROLES])}) and (rolcanlogin or rolsuper or rolbypassrls)`.execute(
    admin,
  );
  assert.deepEqual(rows, []);
});
