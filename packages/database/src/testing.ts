import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Client } from "pg";

import { migrate } from "./migrate.ts";

/** A migrated database of one's own on the server of TEST_DATABASE_URL; dropped on disposal. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** Any fixed number: the first test file that comes builds the template, the others wait for it. */
const TEMPLATE_LOCK = 7_205_002;

/** Clones the migrated template, which is built once per server and set of migrations. */
export async function createTestDatabase(serverUrl: string): Promise<TestDatabase> {
  const template = `valify_template_${migrationsHash()}`;
  const name = `valify_test_${randomUUID().replaceAll("-", "")}`;
  await asAdmin(serverUrl, async (admin) => {
    await admin.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    const found = await admin.query("select 1 from pg_database where datname = $1", [template]);
    if (found.rowCount === 0) {
      // Renamed when complete: a run that is killed midway must not leave half a template.
      const draft = `${template}_draft`;
      await admin.query(`drop database if exists ${draft} with (force)`);
      await admin.query(`create database ${draft}`);
      await migrate(databaseUrl(serverUrl, draft));
      await admin.query(`alter database ${draft} rename to ${template}`);
    }
    await admin.query(`create database ${name} template ${template}`);
    await admin.query("select pg_advisory_unlock($1)", [TEMPLATE_LOCK]);
  });
  return {
    url: databaseUrl(serverUrl, name),
    async [Symbol.asyncDispose]() {
      await asAdmin(serverUrl, (admin) =>
        admin.query(`drop database if exists ${name} with (force)`),
      );
    },
  };
}

/** A variable that the test runner sets. Throws where it is missing: a test is never skipped. */
export function requireEnv(name: string): string {
  // oxlint-disable-next-line node/no-process-env -- tests get their servers from the runner
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`this test needs ${name}`);
  return value;
}

async function asAdmin(serverUrl: string, work: (admin: Client) => Promise<unknown>) {
  const admin = new Client({ connectionString: serverUrl });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

function migrationsHash(): string {
  const folder = join(import.meta.dirname, "..", "migrations");
  const hash = createHash("sha256");
  for (const file of readdirSync(folder).toSorted()) {
    hash.update(file).update(readFileSync(join(folder, file)));
  }
  return hash.digest("hex").slice(0, 12);
}
