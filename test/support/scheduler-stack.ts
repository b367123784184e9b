import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Pool } from "pg";

import { eventually } from "./eventually.ts";
import { freePort } from "./local-servers.ts";
import { connectPool, migrate, startOwnNats, startOwnPostgres } from "./own-servers.ts";
import { type Environment, type ServiceProcess, startService } from "./service-process.ts";
import { createTestDatabase } from "./test-database.ts";

export interface SchedulerStackOptions {
  readonly replicas: number;
  /** A PostgreSQL with fsync; default without, since only processes are killed here. */
  readonly durable?: boolean;
}

type Server = Awaited<ReturnType<typeof startOwnNats>>;

/** Replicas of the scheduler alone, between a PostgreSQL and a nats-server of their own. */
export interface SchedulerStack extends AsyncDisposable {
  /** Superuser. */
  readonly db: Pool;
  readonly postgres: Server;
  readonly nats: Server;
  /** Where nats-server keeps its streams. */
  readonly natsStoreDir: string;
  readonly schedulers: readonly ServiceProcess[];
  /** Polls until it holds; fails at once when a replica ends by itself. */
  readonly waitFor: (
    condition: () => boolean | Promise<boolean>,
    what: string | (() => string),
    deadlineMs?: number,
  ) => Promise<void>;
}

export async function startSchedulerStack(options: SchedulerStackOptions): Promise<SchedulerStack> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "valify-scheduler-"));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  // PostgreSQL refuses root and runs as another user, who has to pass through.
  await chmod(folder, 0o711);

  const nats = undo.use(await startOwnNats(folder));
  const postgres = undo.use(await startOwnPostgres(folder, options.durable === true));
  const database = await createTestDatabase(postgres.url);
  const env: Environment = {
    HOST: "127.0.0.1",
    LOG_LEVEL: "warn",
    DATABASE_URL: database.url,
    NATS_URL: nats.url,
  };
  await migrate(env);
  const starts = await Promise.allSettled(
    Array.from({ length: options.replicas }, async () =>
      undo.use(await startService("scheduler", env, await freePort())),
    ),
  );
  const schedulers: readonly ServiceProcess[] = starts.map((start) => {
    if (start.status === "rejected") throw start.reason;
    return start.value;
  });
  const db = connectPool(database.url);
  undo.defer(() => db.end());
  const abortWhen = () => {
    for (const scheduler of schedulers) scheduler.assertAlive();
  };
  const started = undo.move();
  return {
    db,
    postgres,
    nats,
    natsStoreDir: join(folder, "nats"),
    schedulers,
    waitFor: (condition, what, deadlineMs = 60_000) =>
      eventually(condition, what, { deadlineMs, abortWhen }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
