import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";

import { createDatabase } from "./create-database.ts";

const MIGRATIONS_FOLDER = join(import.meta.dirname, "..", "migrations");

/**
 * Applies every migration not yet applied, in order, in one transaction; safe to run from several
 * places at once (Kysely takes a lock). `url` logs in as the owner, directly, not through a pooler.
 * Returns the names of those it applied. Throws where a file fails; then nothing was applied.
 */
export async function migrate(url: string): Promise<readonly string[]> {
  await using db = createDatabase({
    url,
    role: null,
    applicationName: "valify-migrate",
    connectionsMax: 2,
    settings: { idle_in_transaction_session_timeout: "0", statement_timeout: "0" },
  });
  const migrator = new Migrator({ db, provider: { getMigrations: readMigrations } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return (results ?? []).map(({ migrationName }) => migrationName);
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const files = (await readdir(MIGRATIONS_FOLDER))
    .filter((name) => name.endsWith(".sql"))
    .toSorted();
  const migrations = files.map(async (file) => {
    const text = await readFile(join(MIGRATIONS_FOLDER, file), "utf8");
    const migration: Migration = { up: async (db) => void (await sql.raw(text).execute(db)) };
    return [file.replace(/\.sql$/, ""), migration] as const;
  });
  return Object.fromEntries(await Promise.all(migrations));
}
