import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { sql } from "kysely";
import { Client } from "pg";

import { createDatabase } from "./create-database.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

const serverUrl = requireEnv("TEST_DATABASE_URL");

async function exists(url: string): Promise<boolean> {
  const admin = new Client({ connectionString: serverUrl });
  await admin.connect();
  const name = new URL(url).pathname.slice(1);
  const { rowCount } = await admin.query("select 1 from pg_database where datname = $1", [name]);
  await admin.end();
  return rowCount === 1;
}

test("two test files at once get a migrated database each", async () => {
  const program = `
    import { createTestDatabase } from ${JSON.stringify(join(import.meta.dirname, "testing.ts"))};
    const database = await createTestDatabase(process.argv[1]);
    console.log(database.url);
    await database[Symbol.asyncDispose]();`;
  const run = () =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, serverUrl]);
  const [one, other] = await Promise.all([run(), run()]);
  assert.notEqual(one.stdout, other.stdout);
  assert.equal(await exists(one.stdout.trim()), false);
});

test("what one test database holds, another does not see", async () => {
  await using first = await createTestDatabase(serverUrl);
  await using second = await createTestDatabase(serverUrl);
  const counts = await Promise.all(
    [first, second].map(async ({ url }, index) => {
      await using db = createDatabase({ url, role: null, applicationName: "valify-test" });
      if (index === 0) {
        const tenant = { tenant_id: "6f1c2a34-0d5e-4b7a-9c81-2f3e4d5a6b7c", name: "Test" };
        await db.insertInto("ingest.tenants").values(tenant).execute();
      }
      return (await db.selectFrom("ingest.tenants").select("name").execute()).length;
    }),
  );
  assert.deepEqual(counts, [1, 0]);
});

test("disposal drops the database even while somebody is connected", async () => {
  const database = await createTestDatabase(serverUrl);
  await using db = createDatabase({
    url: database.url,
    role: null,
    applicationName: "valify-test",
  });
  await sql`select 1`.execute(db);
  await database[Symbol.asyncDispose]();
  assert.equal(await exists(database.url), false);
});
