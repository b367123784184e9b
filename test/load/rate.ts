import { leadCsv } from "../support/lead-csv.ts";
import { startStack } from "../support/stack.ts";
import { startCountingReceiver } from "./counting-receiver.ts";
import { moveDueRows } from "./move-due-rows.ts";
import { percentile, print } from "./report.ts";
import { dueRows } from "./watch.ts";

const RATE_PER_SECOND = 100;
const DUE_PER_SECOND = 150;
const WINDOW_MS = 60_000;
const LEADS = (DUE_PER_SECOND * WINDOW_MS) / 1_000;
const DEADLINE_MS = 120_000;

/**
 * One endpoint that may be called 100 times a second, two dispatchers, and half as much again falling
 * due for a minute: how often is it called in that minute, and in its fullest second?
 */
export async function measureRate(): Promise<void> {
  await using receiver = await startCountingReceiver();
  await using stack = await startStack({
    webhookDelay: "PT24H",
    ownPostgres: "durable",
    replicas: { "webhook-dispatcher": 2 },
    env: { WEBHOOK_URL: receiver.url, WEBHOOK_RATE_PER_SECOND: String(RATE_PER_SECOND) },
  });
  await stack.api.upload(leadCsv({ valid: LEADS }));
  await stack.waitFor(async () => (await dueRows(stack)) === LEADS, "all scheduled", DEADLINE_MS);
  const dueMs = await moveDueRows(stack, 1_000 / DUE_PER_SECOND);
  const isOver = () => Date.now() > dueMs + WINDOW_MS;
  await stack.waitFor(isOver, "a minute of demand", DEADLINE_MS);

  // What comes after the minute only works off what the rate has kept back.
  const arrivals = receiver
    .take()
    .map(({ atMs }) => atMs - dueMs)
    .filter((atMs) => atMs < WINDOW_MS)
    .toSorted((a, b) => a - b);
  const achieved = (arrivals.length * 1_000) / WINDOW_MS;
  print({ name: "rate.achieved", value: achieved, unit: "/s", bar: "95 to 105" });
  const fullest = fullestWithin(arrivals, 1_000);
  print({ name: "rate.fullest_second", value: fullest, unit: "requests", bar: null });
  const perSecond = Array.from(
    { length: WINDOW_MS / 1_000 },
    (_, second) => arrivals.filter((atMs) => Math.floor(atMs / 1_000) === second).length,
  );
  const typical = percentile(perSecond, 0.5);
  print({ name: "rate.median_second", value: typical, unit: "requests", bar: null });
  const first = arrivals[0] ?? Number.NaN;
  print({ name: "rate.first", value: first, unit: "ms", bar: null });
}

/** The most that came within `windowMs`, wherever it begins. */
function fullestWithin(sortedMs: readonly number[], windowMs: number): number {
  let start = 0;
  let most = 0;
  for (const [end, atMs] of sortedMs.entries()) {
    while ((sortedMs[start] ?? atMs) <= atMs - windowMs) start += 1;
    most = Math.max(most, end - start + 1);
  }
  return most;
}
