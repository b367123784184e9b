import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

import { freePort, startChild } from "../support/local-servers.ts";
import { startOwnPostgres } from "../support/own-servers.ts";
import { startOtherQueue } from "./compare/other-queue.ts";
import { type CountingReceiver, startCountingReceiver } from "./counting-receiver.ts";
import { type Delivered, deliver, startDelivery } from "./delivery.ts";
import { type Contender, measureInTurn, ratioOf } from "./in-turn.ts";
import { print, printLateness } from "./report.ts";

const FOLDER = join(import.meta.dirname, "compare");
const JOBS = 10_000;
const DUE_PER_SECOND = 500;
const OURS = "compare.ours.two_dispatchers";

/** Does the same work as the others at any spacing. */
interface Measured extends Contender {
  readonly deliverAt: (spacingMs: number) => Promise<Delivered>;
}

/**
 * Other queues making the same signed POST on this machine and ours, in turn: 10,000 due at one
 * instant, each recorded as done, then 500 due per second, and how late they come. Ours do more for
 * each: they come through a broker, keep the attempt with its answer, and limit each endpoint.
 */
export async function measureComparison(): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const receiver = undo.use(await startCountingReceiver());
  const others = await startOthers(undo, receiver);
  const one = await startOurs(undo, receiver, "compare.ours", 1);
  const two = await startOurs(undo, receiver, OURS, 2);
  const all = [...others, one, two];
  const rates = await measureInTurn(all);
  for (const { name } of others) {
    const value = ratioOf(rates.get(OURS) ?? [], rates.get(name) ?? []);
    print({ name: `${OURS}.to.${name}`, value, unit: "share", bar: ">= 1" });
  }
  for (const { name, deliverAt } of all) {
    const { latenessMs } = await deliverAt(1_000 / DUE_PER_SECOND);
    printLateness(`${name}.500_per_s`, latenessMs, {});
  }
}

function measured(
  name: string,
  bar: string | null,
  deliverAt: (spacingMs: number) => Promise<Delivered>,
): Measured {
  const burst = async () => {
    const { dueMs, doneMs } = await deliverAt(0);
    return (JOBS * 1_000) / (doneMs - dueMs);
  };
  return { name, bar, deliverAt, burst };
}

async function startOurs(
  undo: AsyncDisposableStack,
  receiver: CountingReceiver,
  name: string,
  dispatchers: number,
): Promise<Measured> {
  const stack = undo.use(await startDelivery(receiver, dispatchers));
  return measured(name, ">= 6000", (spacingMs) => deliver(stack, receiver, spacingMs));
}

async function startOthers(
  undo: AsyncDisposableStack,
  receiver: CountingReceiver,
): Promise<readonly Measured[]> {
  await install();
  const folder = await mkdtemp(join(tmpdir(), "valify-compare-"));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o711);
  const postgres = undo.use(await startOwnPostgres(folder, true));
  const start = async (kind: string, server: string) => {
    const queue = undo.use(await startOtherQueue(kind, server, receiver));
    return measured(`compare.${kind}`, null, (spacingMs) => queue.deliver(JOBS, spacingMs));
  };
  const onPostgres = [
    await start("graphile-worker", postgres.url),
    await start("pg-boss", postgres.url),
  ];
  const redis = redisBinary();
  // BullMQ alone needs it, and we do not: it is not fetched.
  if (redis === undefined) {
    console.log('{"name":"compare.bullmq","value":null,"why":"no redis-server on PATH"}');
    return onPostgres;
  }
  return [...onPostgres, await start("bullmq", await startRedis(undo, redis, folder))];
}

async function install(): Promise<void> {
  const args = ["install", "--no-audit", "--no-fund", "--prefer-offline"];
  await promisify(execFile)("npm", args, { cwd: FOLDER });
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
