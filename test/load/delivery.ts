import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { type CountingReceiver, startCountingReceiver } from "./counting-receiver.ts";
import { printPeakMemory } from "./memory.ts";
import { moveDueRows } from "./move-due-rows.ts";
import { percentile, print } from "./report.ts";
import { attemptRows, dueRows } from "./watch.ts";

const LEADS = 10_000;
const ROUNDS_AT_ONE_INSTANT = 3;
/** V8 compiles what is hot in the first 10,000 of each process, and two share a round. */
const WARM_UP_ROUNDS = 2;
const DUE_PER_SECOND = 500;
const DEADLINE_MS = 120_000;

/** 10,000 due at one instant and 500 due per second to one dispatcher; then the burst to two. */
export async function measureDelivery(): Promise<void> {
  await measureOne();
  await measureTwo();
}

async function measureOne(): Promise<void> {
  await using receiver = await startCountingReceiver();
  await using stack = await start(receiver, 1);
  await measureBursts(stack, receiver, "delivery");

  const spacingMs = 1_000 / DUE_PER_SECOND;
  const { arrivals, dueMs } = await deliver(stack, receiver, spacingMs);
  const lateness = arrivals.map(({ row, atMs }) => atMs - (dueMs + row * spacingMs));
  const early = lateness.filter((ms) => ms < 0).length;
  print({ name: "delivery.500_per_s.early", value: early, unit: "webhooks", bar: "0" });
  for (const [name, share, bar] of [
    ["p50", 0.5, "<= 10"],
    ["p99", 0.99, "<= 40"],
    ["max", 1, null],
  ] as const) {
    const value = percentile(lateness, share);
    print({ name: `delivery.500_per_s.lateness.${name}`, value, unit: "ms", bar });
  }
  const reuse = 1 - receiver.connections() / (LEADS * (WARM_UP_ROUNDS + ROUNDS_AT_ONE_INSTANT + 1));
  print({ name: "delivery.connection_reuse", value: reuse, unit: "share", bar: ">= 0.95" });
  printPeakMemory(stack, "delivery");
}

/** A dispatcher's own thread is what bounds it: a second process is how a service gets more. */
async function measureTwo(): Promise<void> {
  await using receiver = await startCountingReceiver();
  await using stack = await start(receiver, 2);
  await measureBursts(stack, receiver, "delivery.two_dispatchers");
  printPeakMemory(stack, "delivery.two_dispatchers");
}

function start(receiver: CountingReceiver, dispatchers: number) {
  return startStack({
    webhookDelay: "PT24H",
    ownPostgres: "durable",
    replicas: { "webhook-dispatcher": dispatchers },
    env: { WEBHOOK_URL: receiver.url, WEBHOOK_CONCURRENCY: "64" },
  });
}

async function measureBursts(stack: Stack, receiver: CountingReceiver, prefix: string) {
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
    const { dueMs, recordedAtMs } = await deliver(stack, receiver, 0);
    const value = (LEADS * 1_000) / (recordedAtMs - dueMs);
    if (round === 0) print({ name: `${prefix}.at_one_instant.cold`, value, unit: "/s", bar: null });
  }

  const rates: number[] = [];
  const firstMs: number[] = [];
  for (let round = 0; round < ROUNDS_AT_ONE_INSTANT; round += 1) {
    const { arrivals, dueMs, recordedAtMs } = await deliver(stack, receiver, 0);
    rates.push((LEADS * 1_000) / (recordedAtMs - dueMs));
    firstMs.push(Math.min(...arrivals.map(({ atMs }) => atMs)) - dueMs);
  }
  const rate = percentile(rates, 0.5);
  print({ name: `${prefix}.at_one_instant.median`, value: rate, unit: "/s", bar: ">= 6000" });
  const least = Math.min(...rates);
  print({ name: `${prefix}.at_one_instant.min`, value: least, unit: "/s", bar: ">= 6000" });
  const first = percentile(firstMs, 0.5);
  print({ name: `${prefix}.at_one_instant.first`, value: first, unit: "ms", bar: null });
}

/** Validates a file, moves its due rows to come `spacingMs` apart, and waits until all is recorded. */
async function deliver(stack: Stack, receiver: CountingReceiver, spacingMs: number) {
  const attemptsBefore = await attemptRows(stack);
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  await stack.waitForStatus(batchId, "completed", DEADLINE_MS);
  await stack.waitFor(async () => (await dueRows(stack)) === LEADS, "all scheduled", DEADLINE_MS);
  const dueMs = await moveDueRows(stack, spacingMs);
  await stack.waitFor(() => receiver.count() === LEADS, "all received", DEADLINE_MS);
  const wanted = attemptsBefore + LEADS;
  await stack.waitFor(async () => (await attemptRows(stack)) === wanted, "recorded", DEADLINE_MS);
  return { arrivals: receiver.take(), dueMs, recordedAtMs: Date.now() };
}
