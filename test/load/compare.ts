import { type ChildProcess, execFile, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

import { eventually } from "../support/eventually.ts";
import { freePort, startChild } from "../support/local-servers.ts";
import { startOwnPostgres } from "../support/own-servers.ts";
import { measureBursts } from "./bursts.ts";
import { type CountingReceiver, startCountingReceiver } from "./counting-receiver.ts";
import { measureOurBursts } from "./delivery.ts";
import { percentile, print } from "./report.ts";

const FOLDER = join(import.meta.dirname, "compare");
const JOBS = 10_000;
const DUE_PER_SECOND = 500;
/** For each to be stored before the first is due. */
const DUE_IN_MS = 5_000;
const DEADLINE_MS = 90_000;

/**
 * Other queues making the same signed POST on this machine: 10,000 due at one instant, each recorded
 * as done, then 500 due per second, and how late they come; and our own bursts in the same run. Ours
 * do more for each: they come through a broker, keep the attempt with its answer, and limit each
 * endpoint.
 */
export async function measureComparison(): Promise<void> {
  await measureOthers();
  await measureOurBursts();
}

async function measureOthers(): Promise<void> {
  await using undo = new AsyncDisposableStack();
  await install();
  const folder = await mkdtemp(join(tmpdir(), "valify-compare-"));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o711);
  const receiver = undo.use(await startCountingReceiver());
  const postgres = undo.use(await startOwnPostgres(folder, true));
  await measure("graphile-worker", postgres.url, receiver);
  await measure("pg-boss", postgres.url, receiver);
  const redis = redisBinary();
  // BullMQ alone needs it, and we do not: it is not fetched.
  if (redis === undefined)
    console.log('{"name":"compare.bullmq","value":null,"why":"no redis-server on PATH"}');
  else await measure("bullmq", await startRedis(undo, redis, folder), receiver);
}

async function install(): Promise<void> {
  const args = ["install", "--no-audit", "--no-fund", "--prefer-offline"];
  await promisify(execFile)("npm", args, { cwd: FOLDER });
}

async function measure(kind: string, server: string, receiver: CountingReceiver): Promise<void> {
  const child = fork(join(FOLDER, "worker.mjs"), [kind, server, receiver.url], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  try {
    await told(child, "ready");
    await measureBursts(`compare.${kind}.at_one_instant`, null, async () => {
      const { dueMs, doneMs } = await deliver(child, receiver, 0);
      return (JOBS * 1_000) / (doneMs - dueMs);
    });
    const spacingMs = 1_000 / DUE_PER_SECOND;
    const { dueMs, arrivals } = await deliver(child, receiver, spacingMs);
    const lateness = arrivals.map(({ row, atMs }) => atMs - (dueMs + (row - 1) * spacingMs));
    for (const [name, share] of [
      ["p50", 0.5],
      ["p99", 0.99],
    ] as const) {
      const late = percentile(lateness, share);
      print({ name: `compare.${kind}.500_per_s.${name}`, value: late, unit: "ms", bar: null });
    }
  } finally {
    child.kill("SIGKILL");
  }
}

async function deliver(child: ChildProcess, receiver: CountingReceiver, spacingMs: number) {
  receiver.take();
  const stored = told(child, "stored");
  const done = told(child, "done");
  child.send({ count: JOBS, dueInMs: DUE_IN_MS, spacingMs });
  const { dueMs, storedMs } = await stored;
  if (storedMs > dueMs) throw new Error("not all were stored before they were due");
  const { doneMs } = await done;
  await eventually(() => receiver.count() >= JOBS, "all received", { deadlineMs: DEADLINE_MS });
  return { dueMs, doneMs, arrivals: receiver.take() };
}

interface Told {
  readonly dueMs: number;
  readonly storedMs: number;
  readonly doneMs: number;
}

/** What the child says of this kind next. */
function told(child: ChildProcess, kind: string): Promise<Told> {
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  const timer = setTimeout(() => reject(new Error(`never told "${kind}"`)), DEADLINE_MS);
  const ended = (code: number | null) => reject(new Error(`the worker ended with ${code}`));
  const listen = (message: Told & { readonly kind: string }) => {
    if (message.kind !== kind) return;
    clearTimeout(timer);
    child.off("message", listen);
    child.off("exit", ended);
    resolve(message);
  };
  child.on("message", listen);
  child.once("exit", ended);
  return promise;
}

function redisBinary(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, "redis-server")).find((path) => existsSync(path));
}

/** With its log on disk once a second, as its manual advises for queues. */
async function startRedis(undo: AsyncDisposableStack, command: string, folder: string) {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
  const durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
  const child = await startChild({
    name: "redis-server",
    command,
    args: [...args, ...durable],
    env: {},
    onLine: () => {},
  });
  undo.defer(async () => void (await child.stop()));
  return `redis://127.0.0.1:${port}`;
}
