import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { sql } from "kysely";
import { Client } from "pg";

import { createDatabase } from "./create-database.ts";
import { migrate } from "./migrate.ts";
import { ensurePartition } from "./partitions.ts";
import { requireEnv } from "./testing.ts";

const serverUrl = requireEnv("TEST_DATABASE_URL");

/** A database without any of our tables. */
async function createEmptyDatabase(owner?: string) {
  const name = `valify_empty_${randomUUID().replaceAll("-", "")}`;
  await asAdmin(`create database ${name}${owner === undefined ? "" : ` owner ${owner}`}`);
  return {
    url: addressOf({ database: name }),
    [Symbol.asyncDispose]: () => asAdmin(`drop database ${name} with (force)`),
  };
}

async function asAdmin(...statements: readonly string[]): Promise<void> {
  const admin = new Client({ connectionString: serverUrl });
  await admin.connect();
  try {
    for (const statement of statements) await admin.query(statement);
  } finally {
    await admin.end();
  }
}

function addressOf(
  parts: { readonly database?: string; readonly login?: string },
  from = serverUrl,
) {
  const url = new URL(from);
  if (parts.database !== undefined) url.pathname = `/${parts.database}`;
  // The roles of these tests have their own name as password.
  if (parts.login !== undefined) {
    url.username = parts.login;
    url.password = parts.login;
  }
  return url.href;
}

async function files(): Promise<readonly string[]> {
  const names = await readdir(join(import.meta.dirname, "..", "migrations"));
  return names.map((name) => name.replace(/\.sql$/, "")).toSorted();
}

test("migrations are applied once, in order, and a second run applies nothing", async () => {
  await using database = await createEmptyDatabase();
  assert.deepEqual(await migrate(database.url), await files());
  assert.deepEqual(await migrate(database.url), []);
});

test("two processes that migrate at once apply every migration once", async () => {
  await using database = await createEmptyDatabase();
  const program = `
    import { migrate } from ${JSON.stringify(join(import.meta.dirname, "migrate.ts"))};
    console.log(JSON.stringify(await migrate(process.argv[1])));`;
  const run = () =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, database.url]);
  const applied = (await Promise.all([run(), run()])).map(({ stdout }) => JSON.parse(stdout));
  assert.deepEqual(applied.flat(), await files());
});

test("a migration that fails leaves nothing behind", async () => {
  await using database = await createEmptyDatabase();
  await using db = createDatabase({
    url: database.url,
    role: null,
    applicationName: "valify-test",
  });
  // In the way of the last file.
  await sql`create schema delivery`.execute(db);
  await assert.rejects(migrate(database.url), { code: "42P06" });
  const { rows } = await sql`select to_regnamespace('ingest') as schema`.execute(db);
  assert.deepEqual(rows, [{ schema: null }]);
  await sql`drop schema delivery`.execute(db);
  assert.deepEqual(await migrate(database.url), await files());
});

test("every migration says whether it expands or contracts, under a number of its own", async () => {
  const numbers = new Set<string>();
  for (const name of await files()) {
    const path = join(import.meta.dirname, "..", "migrations", `${name}.sql`);
    assert.match(await readFile(path, "utf8"), /^-- (expand|contract)\n/, name);
    assert.match(name, /^\d{4}_[a-z0-9_]+$/);
    assert.ok(!numbers.has(name.slice(0, 4)), name);
    numbers.add(name.slice(0, 4));
  }
});

// Goal: managed Postgres, where nobody is superuser.
// Method: the roles exist already on the test server, so the owner is given what it would have had
// by creating them itself: from Postgres 16 on, membership without the right to SET ROLE.
test("an owner who is no superuser migrates and hands the tables over", async () => {
  const owner = `valify_owner_${randomUUID().slice(0, 8)}`;
  const roles = ["valify_ingest", "valify_validator", "valify_scheduler", "valify_dispatcher"];
  const grants = roles.map(
    (role) => `grant ${role} to ${owner} with admin true, set false, inherit false`,
  );
  await asAdmin(`create role ${owner} login createrole password '${owner}'`);
  try {
    if (await grantsHaveOptions()) await asAdmin(...grants);
    await using database = await createEmptyDatabase(owner);
    const url = addressOf({ login: owner }, database.url);
    assert.deepEqual(await migrate(url), await files());
    await using db = createDatabase({
      url,
      role: "valify_scheduler",
      applicationName: "valify-test",
    });
    const { rows } = await sql`
      select tableowner from pg_tables where schemaname = 'scheduling' group by 1`.execute(db);
    assert.deepEqual(rows, [{ tableowner: "valify_scheduler" }]);
    await ensurePartition(db, {
      parent: "scheduling.due",
      name: "scheduling.due_first",
      from: new Date(0),
      to: new Date(1_000),
    });
  } finally {
    await asAdmin(`drop owned by ${owner}`, `drop role ${owner}`);
  }
});

/** Since Postgres 16 a membership says what it allows. */
async function grantsHaveOptions(): Promise<boolean> {
  await using db = createDatabase({ url: serverUrl, role: null, applicationName: "valify-test" });
  const { rows } = await sql<{ version: number }>`
    select current_setting('server_version_num')::int as version`.execute(db);
  return (rows[0]?.version ?? 0) >= 160_000;
}
