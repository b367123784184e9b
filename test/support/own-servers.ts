import { join } from "node:path";

import { Pool } from "pg";

import { ensureNatsServer, startNats, startPostgres } from "./local-servers.ts";
import { type Environment, runScript } from "./service-process.ts";

/** NATS with its store in `<folder>/nats`. */
export async function startOwnNats(folder: string) {
  const named = process.env["TEST_NATS_SERVER_BIN"] ?? "";
  const binary = named === "" ? await ensureNatsServer(ignore) : named;
  return startNats({ binary, storeDir: join(folder, "nats"), log: ignore });
}

/** Durable: with fsync, as in production, to be measured. */
export function startOwnPostgres(folder: string, durable: boolean) {
  // What is killed here is the server, not the machine: the kernel still writes what it was given.
  return startPostgres({
    dataDir: join(folder, "postgres"),
    log: ignore,
    settings: { fsync: durable ? "on" : "off" },
  });
}

/** A superuser's two connections that outlive a restart of the server. */
export function connectPool(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 2 });
  // A restart of the server ends idle connections; the next query opens another.
  pool.on("error", ignore);
  return pool;
}

/** Schema and streams, as in production by the migrate job. */
export async function migrate(env: Environment): Promise<void> {
  const { exitCode, lines } = await runScript("packages/runtime/src/migrate-cli.ts", env);
  if (exitCode !== 0) throw new Error(`the migration failed:\n${lines.join("\n")}`);
}

function ignore(): void {}
