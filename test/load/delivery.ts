import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { BURSTS, measureBursts } from "./bursts.ts";
import { type CountingReceiver, startCountingReceiver } from "./counting-receiver.ts";
import { printPeakMemory } from "./memory.ts";
import { moveDueRows } from "./move-due-rows.ts";
import { percentile, print } from "./report.ts";
import { attemptRows, deliveredRows, dueRows } from "./watch.ts";

const LEADS = 10_000;
const DUE_PER_SECOND = 500;
const DEADLINE_MS = 120_000;

/** 10,000 due at one instant and 500 due per second to one dispatcher; then the burst to two. */
export async function measureDelivery(): Promise<void> {
  await measureOne();
  await measureBurstsOf(2, "delivery.two_dispatchers");
}

async function measureOne(): Promise<void> {
  await using receiver = await startCountingReceiver();
  await using stack = await startDelivery(receiver, 1);
  await measureOurs(stack, receiver, "delivery", 1);

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
  const reuse = 1 - receiver.connections() / (LEADS * (BURSTS + 1));
  print({ name: "delivery.connection_reuse", value: reuse, unit: "share", bar: ">= 0.95" });
  printPeakMemory(stack, "delivery");
}

/** A dispatcher's own thread is what bounds it: a second process is how a service gets more. */
async function measureBurstsOf(dispatchers: number, name: string): Promise<void> {
  await using receiver = await startCountingReceiver();
  await using stack = await startDelivery(receiver, dispatchers);
  await measureOurs(stack, receiver, name, dispatchers);
  printPeakMemory(stack, name);
}

/** The whole system with the receiver as its default endpoint. */
export function startDelivery(receiver: CountingReceiver, dispatchers: number) {
  return startStack({
    webhookDelay: "PT24H",
    ownPostgres: "durable",
    replicas: { "webhook-dispatcher": dispatchers },
    env: { WEBHOOK_URL: receiver.url, WEBHOOK_CONCURRENCY: "64" },
  });
}

async function measureOurs(
  stack: Stack,
  receiver: CountingReceiver,
  prefix: string,
  dispatchers: number,
) {
  const firstMs: number[] = [];
  const burst = async () => {
    const { arrivals, dueMs, recordedAtMs } = await deliver(stack, receiver, 0);
    firstMs.push(Math.min(...arrivals.map(({ atMs }) => atMs)) - dueMs);
    return (LEADS * 1_000) / (recordedAtMs - dueMs);
  };
  await measureBursts(`${prefix}.at_one_instant`, ">= 6000", burst, dispatchers);
  const first = percentile(firstMs, 0.5);
  print({ name: `${prefix}.at_one_instant.first`, value: first, unit: "ms", bar: null });
}

/** Validates a file, moves its due rows to come `spacingMs` apart, and waits until all is recorded. */
export async function deliver(stack: Stack, receiver: CountingReceiver, spacingMs: number) {
  const attemptsBefore = await attemptRows(stack);
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  await stack.waitForStatus(batchId, "completed", DEADLINE_MS);
  await stack.waitFor(async () => (await dueRows(stack)) === LEADS, "all scheduled", DEADLINE_MS);
  const dueMs = await moveDueRows(stack, spacingMs);
  await stack.waitFor(() => receiver.count() === LEADS, "all received", DEADLINE_MS);
  const isRecorded = async () => (await deliveredRows(stack, batchId)) === LEADS;
  await stack.waitFor(isRecorded, "all recorded", DEADLINE_MS);
  const recordedAtMs = Date.now();
  const attempts = (await attemptRows(stack)) - attemptsBefore;
  if (attempts !== LEADS) throw new Error(`${attempts} attempts are on record, not ${LEADS}`);
  return { arrivals: receiver.take(), dueMs, recordedAtMs };
}
