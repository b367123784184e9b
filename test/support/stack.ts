import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { BatchStatus, BatchView } from "@valify/contracts/api";
import type { Pool } from "pg";

import { type ApiClient, createApiClient } from "./api-client.ts";
import { assertContractsKept } from "./contracts-kept.ts";
import { eventually, type EventuallyOptions } from "./eventually.ts";
import { freePort, type startNats } from "./local-servers.ts";
import { connectPool, migrate, startOwnNats, startOwnPostgres } from "./own-servers.ts";
import { assertNothingPersonal } from "./privacy.ts";
import { type Environment, type ServiceProcess, startService } from "./service-process.ts";
import { createTestDatabase } from "./test-database.ts";
import {
  startWebhookReceiver,
  type WebhookReceiver,
  type WebhookReceiverOptions,
} from "./webhook-receiver.ts";

const SERVICES = ["ingest", "validator", "scheduler", "webhook-dispatcher"] as const;
type ServiceName = (typeof SERVICES)[number];

export interface StackOptions {
  /** ISO 8601. Default `PT2S`. */
  readonly webhookDelay?: string;
  /** ISO 8601, comma-separated. Default three times `PT0.3S`. */
  readonly retryDelays?: string;
  /** A PostgreSQL of one's own, to be killed; "durable": with fsync, as in production, to be measured. */
  readonly ownPostgres?: boolean | "durable";
  /** Processes per service. Default 1. */
  readonly replicas?: Partial<Record<ServiceName, number>>;
  readonly receiver?: WebhookReceiverOptions;
  /** More variables for every service. */
  readonly env?: Environment;
}

type Server = Pick<Awaited<ReturnType<typeof startNats>>, "url" | "stop" | "restart" | "kill9">;

export interface Stack extends AsyncDisposable {
  readonly ingestUrl: string;
  readonly apiKey: string;
  readonly api: ApiClient;
  /** Superuser, for assertions. */
  readonly db: Pool;
  readonly databaseUrl: string;
  readonly nats: Server;
  readonly postgres: Server | undefined;
  /** The folder behind the file object store. */
  readonly objectStorePath: string;
  readonly receiver: WebhookReceiver;
  /** What every service was started with. */
  readonly env: Environment;
  /** The first process of each. */
  readonly services: Readonly<Record<ServiceName, ServiceProcess>>;
  /** All of them, replicas included. */
  readonly processes: readonly ServiceProcess[];
  /** Polls until it holds; fails at once when a service ends by itself. */
  readonly waitFor: (
    condition: () => boolean | Promise<boolean>,
    what: string | (() => string),
    deadlineMs?: number,
  ) => Promise<void>;
  readonly waitForStatus: (
    batchId: string,
    status: BatchStatus,
    deadlineMs?: number,
  ) => Promise<BatchView>;
  /** Whether any service wrote this to its log. */
  logsContain(text: string): boolean;
}

/** The whole system as processes, with a database, a NATS server and a receiver of its own. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "valify-stack-"));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  // PostgreSQL refuses root and runs as another user, who has to pass through.
  await chmod(folder, 0o711);
  const objectStorePath = join(folder, "objects");
  await mkdir(objectStorePath);

  const nats = undo.use(await startOwnNats(folder));
  const postgres = options.ownPostgres
    ? undo.use(await startOwnPostgres(folder, options.ownPostgres === "durable"))
    : undefined;
  const database = undo.use(
    await createTestDatabase(postgres?.url ?? requireVariable("TEST_DATABASE_URL")),
  );
  const db = connectPool(database.url);
  undo.defer(() => db.end());

  const webhookSecret = `whsec_${randomBytes(32).toString("base64")}`;
  const receiver = undo.use(
    await startWebhookReceiver({ secret: webhookSecret, ...options.receiver }),
  );
  const env = environment(options, {
    DATABASE_URL: database.url,
    NATS_URL: nats.url,
    OBJECT_STORE_URL: pathToFileURL(objectStorePath).href,
    WEBHOOK_URL: receiver.url,
    WEBHOOK_SECRET: webhookSecret,
  });
  await migrate(env);
  const running = await startServices(env, options.replicas ?? {});
  undo.defer(() => running.disposeAsync());
  const { services, processes } = running;
  // Disposed first, so before the services are ended.
  undo.defer(() => assertGoodEnd(processes, env));

  const apiKey = env["BOOTSTRAP_API_KEY"] ?? "";
  const ingestUrl = `http://127.0.0.1:${services.ingest.port}`;
  const started = undo.move();
  return {
    ingestUrl,
    apiKey,
    api: createApiClient(ingestUrl, apiKey),
    db,
    databaseUrl: database.url,
    nats,
    postgres,
    objectStorePath,
    receiver,
    env,
    services,
    processes,
    ...createWaits(processes, createApiClient(ingestUrl, apiKey)),
    logsContain: (text) => processes.some(({ logs }) => logs.some((line) => line.includes(text))),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

function environment(options: StackOptions, servers: Environment): Environment {
  return {
    HOST: "127.0.0.1",
    LOG_LEVEL: "info",
    SECRET_KEY: randomBytes(32).toString("base64"),
    BOOTSTRAP_API_KEY: `key_${randomBytes(32).toString("base64url")}`,
    WEBHOOK_DELAY: options.webhookDelay ?? "PT2S",
    WEBHOOK_RETRY_DELAYS: options.retryDelays ?? "PT0.3S,PT0.3S,PT0.3S",
    WEBHOOK_RATE_PER_SECOND: "0",
    REQUESTS_PER_MINUTE: "0",
    WEBHOOK_ALLOW_HTTP: "true",
    WEBHOOK_ALLOWED_CIDRS: "127.0.0.0/8",
    ...servers,
    ...options.env,
  };
}

async function startServices(env: Environment, replicas: Partial<Record<ServiceName, number>>) {
  await using undo = new AsyncDisposableStack();
  const names = SERVICES.flatMap((name) => Array.from({ length: replicas[name] ?? 1 }, () => name));
  const starts = await Promise.allSettled(
    names.map(async (name) => undo.use(await startService(name, env, await freePort()))),
  );
  const processes = starts.map((start) => {
    if (start.status === "rejected") throw start.reason;
    return start.value;
  });
  const first = (name: ServiceName) => {
    const found = processes.find((process) => process.name === name);
    if (found === undefined) throw new Error(`${name} was not started`);
    return found;
  };
  const services = {
    ingest: first("ingest"),
    validator: first("validator"),
    scheduler: first("scheduler"),
    "webhook-dispatcher": first("webhook-dispatcher"),
  };
  const started = undo.move();
  return { services, processes, disposeAsync: () => started.disposeAsync() };
}

function createWaits(processes: readonly ServiceProcess[], api: ApiClient) {
  const abortWhen = () => {
    for (const process of processes) process.assertAlive();
  };

  const waitFor: Stack["waitFor"] = (condition, what, deadlineMs) => {
    const options: EventuallyOptions = deadlineMs === undefined ? {} : { deadlineMs };
    return eventually(condition, what, { ...options, abortWhen });
  };

  const waitForStatus: Stack["waitForStatus"] = async (batchId, status, deadlineMs) => {
    let last: BatchView | undefined;
    const isThere = async () => {
      last = await api.batchStatus(batchId);
      return last.status === status;
    };
    await waitFor(isThere, () => `the batch is ${status}, not ${JSON.stringify(last)}`, deadlineMs);
    if (last === undefined) throw new Error("unreachable: the wait ended without a status");
    return last;
  };
  return { waitFor, waitForStatus };
}

/** What must hold after every story, whatever it was about. */
async function assertGoodEnd(
  processes: readonly ServiceProcess[],
  env: Environment,
): Promise<void> {
  const secrets = ["SECRET_KEY", "BOOTSTRAP_API_KEY", "WEBHOOK_SECRET"].map((name) => env[name]);
  const known = secrets.filter((secret) => secret !== undefined);
  for (const process of processes) {
    process.assertAlive();
    assertNothingPersonal(process.logs, known, process.name);
  }
  await assertContractsKept(env["NATS_URL"] ?? "");
}

function requireVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is missing: run npm test`);
  return value;
}
