import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Pool } from "pg";

import {
  ensureNatsServer,
  freePort,
  startNats,
  startPostgres,
} from "../../support/local-servers.ts";
import { runScript, type ServiceProcess, startService } from "../../support/service-process.ts";

export interface SchedulerWorld extends AsyncDisposable {
  /** Superuser. */
  readonly db: Pool;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly postgresPid: number;
  readonly natsPid: number;
  /** Starts so many schedulers and resolves when all are ready. */
  start(replicas: number): Promise<readonly ServiceProcess[]>;
}

export interface WorldOptions {
  /** A line of the Postgres server's log. */
  readonly onPostgresLine?: (line: string) => void;
  readonly postgresSettings?: Readonly<Record<string, string>>;
}

/**
 * A durable PostgreSQL (fsync on), a nats-server and nothing else; leaves are made. `max_wal_size` is
 * raised so that loading ten million rows does not leave checkpoints to the measurement.
 */
export async function startSchedulerWorld(options: WorldOptions = {}): Promise<SchedulerWorld> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "valify-load-"));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o711);
  const binary = await ensureNatsServer(() => {});
  const nats = undo.use(await startNats({ binary, storeDir: join(folder, "nats"), log: () => {} }));
  const postgres = undo.use(
    await startPostgres({
      dataDir: join(folder, "postgres"),
      log: options.onPostgresLine ?? (() => {}),
      settings: { fsync: "on", max_wal_size: "8GB", ...options.postgresSettings },
    }),
  );
  const db = new Pool({ connectionString: postgres.url, max: 8 });
  // The server ends before the last idle connection has gone.
  db.on("error", () => {});
  undo.defer(() => db.end());
  const env = {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    OBJECT_STORE_URL: `file://${folder}/objects`,
    HOST: "127.0.0.1",
    LOG_LEVEL: "info",
  };
  const { exitCode, lines } = await runScript("packages/runtime/src/migrate-cli.ts", env);
  if (exitCode !== 0) throw new Error(`the migration failed:\n${lines.join("\n")}`);
  const started = undo.move();

  async function start(replicas: number): Promise<readonly ServiceProcess[]> {
    const ports = await Promise.all(Array.from({ length: replicas }, () => freePort()));
    return Promise.all(
      ports.map(async (port) => started.use(await startService("scheduler", env, port))),
    );
  }

  // One scheduler for a moment: it makes the leaves that rows are then loaded into.
  const [first] = await start(1);
  await first?.stop();
  return {
    db,
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    postgresPid: postgres.pid,
    natsPid: nats.pid,
    start,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
