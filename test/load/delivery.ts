import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { BURSTS, measureBursts } from "./bursts.ts";
import { type CountingReceiver, startCountingReceiver } from "./counting-receiver.ts";
import { printPeakMemory } from "./memory.ts";
import { moveDueRows } from "./move-due-rows.ts";
import { percentile, print, printLateness } from "./report.ts";
import { attemptRows, deliveredRows, dueRows } from "./watch.ts";

const LEADS = 10_000;
const DUE_PER_SECOND = 500;
const DEADLINE_MS = 120_000;

/** What became of as many, due `spacingMs` apart. */
export interface Delivered {
  /** When the first was due; this and the next in milliseconds since 1970. */
  readonly dueMs: number;
  /** When all were on record as done. */
  readonly doneMs: number;
  /** Of each, at the receiver. */
  readonly latenessMs: readonly number[];
}

/** 10,000 due at one instant and 500 due per second to one dispatcher; then the burst to two. */
export async function measureDelivery(): Promise<void> {
  await measureOne();
  await measureBurstsOf(2, "delivery.two_dispatchers");
}

async function measureOne(): Promise<void> {
  await using receiver = await startCountingReceiver();
  await using stack = await startDelivery(receiver, 1);
  await measureOurs(stack, receiver, "delivery", 1);

  const { latenessMs } = await deliver(stack, receiver, 1_000 / DUE_PER_SECOND);
  const early = latenessMs.filter((ms) => ms < 0).length;
  print({ name: "delivery.500_per_s.early", value: early, unit: "webhooks", bar: "0" });
  const bars = { p50: "<= 10", p99: "<= 40" };
  printLateness("delivery.500_per_s.lateness", latenessMs, bars);
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
    const { dueMs, doneMs, latenessMs } = await deliver(stack, receiver, 0);
    firstMs.push(Math.min(...latenessMs));
    return (LEADS * 1_000) / (doneMs - dueMs);
  };
  await measureBursts(`${prefix}.at_one_instant`, ">= 6000", burst, dispatchers);
  const first = percentile(firstMs, 0.5);
  print({ name: `${prefix}.at_one_instant.first`, value: first, unit: "ms", bar: null });
}

/** Validates a file, moves its due rows to come `spacingMs` apart, and waits until all is recorded. */
export async function deliver(
  stack: Stack,
  receiver: CountingReceiver,
  spacingMs: number,
): Promise<Delivered> {
  const attemptsBefore = await attemptRows(stack);
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  await stack.waitForStatus(batchId, "completed", DEADLINE_MS);
  await stack.waitFor(async () => (await dueRows(stack)) === LEADS, "all scheduled", DEADLINE_MS);
  const dueMs = await moveDueRows(stack, spacingMs);
  await stack.waitFor(() => receiver.count() === LEADS, "all received", DEADLINE_MS);
  const isRecorded = async () => (await deliveredRows(stack, batchId)) === LEADS;
  await stack.waitFor(isRecorded, "all recorded", DEADLINE_MS);
  const doneMs = Date.now();
  const attempts = (await attemptRows(stack)) - attemptsBefore;
  if (attempts !== LEADS) throw new Error(`${attempts} attempts are on record, not ${LEADS}`);
  const arrivals = receiver.take();
  const latenessMs = arrivals.map(({ row, atMs }) => atMs - (dueMs + row * spacingMs));
  return { dueMs, doneMs, latenessMs };
}
