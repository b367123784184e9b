import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { webhookDue } from "@valify/contracts";

import { checkEmissions } from "../support/emissions.ts";
import { countEvents } from "../support/event-reader.ts";
import { type SchedulerStack, startSchedulerStack } from "../support/scheduler-stack.ts";
import { databaseNowMs, insertWakeUps, type WakeUps } from "../support/wake-ups.ts";

// Goal: whatever happens around the schedulers, what was scheduled goes out, once, none early, and
// no process needs a restart.
// Method: two replicas on servers of their own; wake-ups fall due while the fault is made; then the
// whole stream is read. What a death at any point does: the scheduler's crash-points.nats.test.ts.

const LEAD_TIME_MS = 1_500;
const NANOS_PER_SECOND = 1e9;
const DEDUPE_SECONDS = 300;

let stack: SchedulerStack;
let lots = 0;
let pids: readonly number[];
before(async () => {
  stack = await startSchedulerStack({ replicas: 2 });
  pids = stack.schedulers.map(({ pid }) => pid);
});
after(() => stack[Symbol.asyncDispose]());

interface Lot {
  readonly wakeUps: WakeUps;
  readonly count: number;
  /** Events on the stream before it. */
  readonly eventsBefore: number;
}

async function schedule(count: number, perSecond: number): Promise<Lot> {
  const eventsBefore = await countEvents(stack.nats.url, webhookDue);
  lots += 1;
  const firstDueMs = (await databaseNowMs(stack.db)) + LEAD_TIME_MS;
  const wakeUps = { lot: lots, firstDueMs, spacingMs: 1_000 / perSecond, messageEvery: 0 };
  await insertWakeUps(stack.db, wakeUps, [0, count]);
  return { wakeUps, count, eventsBefore };
}

async function untilEmitted({ eventsBefore }: Lot, count: number): Promise<void> {
  await stack.waitFor(
    async () => (await countEvents(stack.nats.url, webhookDue)) >= eventsBefore + count,
    `${count} emitted`,
  );
}

async function untilNothingIsPending(): Promise<void> {
  await stack.waitFor(async () => {
    const { rows } = await stack.db.query("select 1 from scheduling.due limit 1");
    return rows.length === 0;
  }, "nothing pending");
}

/** Returns how many messages came twice: none unless the caller allows it. */
async function closeBooks(lot: Lot, doubledMax = 0): Promise<number> {
  await untilEmitted(lot, lot.count);
  await untilNothingIsPending();
  const report = await checkEmissions(stack.nats.url, lot.wakeUps, lot.count);
  const { missing, unknown, early, doubled } = report;
  assert.deepEqual({ missing, unknown, early }, { missing: 0, unknown: 0, early: 0 });
  assert(doubled <= doubledMax, `${doubled} came twice`);
  for (const scheduler of stack.schedulers) scheduler.assertAlive();
  assert.deepEqual(
    stack.schedulers.map(({ pid }) => pid),
    pids,
    "no replica was restarted",
  );
  return doubled;
}

async function setDedupeWindow(seconds: number): Promise<void> {
  const nats = await connect({ servers: stack.nats.url });
  try {
    const manager = await jetstreamManager(nats);
    const window = seconds * NANOS_PER_SECOND;
    await manager.streams.update(webhookDue.stream, { duplicate_window: window });
  } finally {
    await nats.close();
  }
}

test("Postgres and NATS are restarted while wake-ups fall due", async () => {
  const lot = await schedule(3_000, 1_000);
  await untilEmitted(lot, 500);
  await stack.postgres.restart();
  await untilEmitted(lot, 1_500);
  await stack.nats.restart();
  await closeBooks(lot);
});

test("a replica frozen with claims in hand holds up its rows for seconds, and doubles none", async () => {
  const lot = await schedule(2_000, 1_000);
  await untilEmitted(lot, 500);
  const [frozen] = stack.schedulers;
  assert(frozen !== undefined);
  process.kill(frozen.pid, "SIGSTOP");
  try {
    // Postgres ends its transactions, and the other replica's sweep finds the rows.
    await closeBooks(lot);
  } finally {
    process.kill(frozen.pid, "SIGCONT");
  }
  // It wakes with claims that are gone, publishes what it held, and the stream drops every one.
  const later = await schedule(200, 1_000);
  await closeBooks(later);
  await closeBooks(lot);
  const ready = await fetch(`http://127.0.0.1:${frozen.port}/health/ready`);
  assert.equal(ready.status, 200);
});

// Ten minutes in twelve seconds: what such an outage outlasts is the stream's memory of message ids
// (5 minutes, here 2 s) and every time-out of the scheduler (the longest is Postgres' 10 s).
test("NATS away for ten minutes: all goes out afterwards, and only what was in flight twice", async (t) => {
  await setDedupeWindow(2);
  const perSecond = 1_000;
  const lot = await schedule(2_000, perSecond);
  await untilEmitted(lot, 500);
  await stack.nats.kill9();
  const awaySinceMs = performance.now();
  await stack.waitFor(() => performance.now() - awaySinceMs > 12_000, "an outage of 12 s");
  const ready = await Promise.all(
    stack.schedulers.map(({ port }) => fetch(`http://127.0.0.1:${port}/health/ready`)),
  );
  assert.deepEqual(
    ready.map(({ status }) => status),
    [503, 503],
  );
  await stack.nats.restart();
  // Claims that were open are rolled back with all their rows, those too that the server had stored.
  // After so long only the dispatcher's round tells a repeat. A claim looks ahead 1.5 s.
  const doubled = await closeBooks(lot, 1.5 * perSecond);
  t.diagnostic(`${doubled} of ${lot.count} came twice, with the same id and round`);
  await setDedupeWindow(DEDUPE_SECONDS);
});

test("a broker that comes back without its last minutes gets them again, each once", async () => {
  const lot = await schedule(2_000, 1_000);
  await untilEmitted(lot, 500);
  const { nats, natsStoreDir } = stack;
  await nats.stop();
  const copy = `${natsStoreDir}-copy`;
  await cp(join(natsStoreDir, "jetstream"), copy, { recursive: true });
  await nats.restart();
  await closeBooks(lot);

  await nats.kill9();
  await rm(join(natsStoreDir, "jetstream"), { recursive: true });
  await cp(copy, join(natsStoreDir, "jetstream"), { recursive: true });
  await nats.restart();
  await closeBooks(lot);
  const logs = stack.schedulers.flatMap((scheduler) => scheduler.logs);
  assert(
    logs.some((line) => line.includes("broker.lost_messages")),
    "the loss was noticed",
  );
});
