import { setTimeout as pause } from "node:timers/promises";

import { webhookDue } from "@valify/contracts";

import { checkEmissions, type EmissionReport } from "../support/emissions.ts";
import { countEvents } from "../support/event-reader.ts";
import { type SchedulerStack, startSchedulerStack } from "../support/scheduler-stack.ts";
import {
  databaseNowMs,
  dueMsOf,
  insertWakeUps,
  publishWakeUps,
  type WakeUps,
} from "../support/wake-ups.ts";
import { killAround, type KillPlan, type Kills, type Victim } from "./killer.ts";

export interface CrashPlan extends KillPlan {
  readonly wakeUps: number;
  readonly perSecond: number;
  /** Every so manieth comes as `webhook.retry` during the run, so that inserters are killed too. */
  readonly messageEvery: number;
  readonly replicas: number;
  /** PostgreSQL with fsync, as in production. */
  readonly durable: boolean;
  /** How long a run may need to emit what is left after the last kill. */
  readonly drainMs: number;
}

export interface CrashResult extends EmissionReport {
  readonly kills: Kills;
  readonly pending: number;
  readonly deadLetters: number;
  readonly seconds: number;
}

/** All rows must be there before the first is due, on a slow machine too. */
const INSERTS_PER_SECOND_MIN = 12_000;
const LEAD_TIME_MS = 6_000;
/** A message is published at least so long before its instant, unless NATS is away. */
const MESSAGES_AHEAD_MS = 8_000;
const MESSAGES_PER_TURN = 500;
const TURN_MS = 250;

/**
 * Schedules wake-ups, kills what emits them, and reads what came of it. A verdict is the caller's:
 * what was scheduled must be emitted, each once, none early. Throws when a replica ends by itself.
 */
export async function runCrash(
  plan: CrashPlan,
  onKill: (victim: Victim, number: number) => void = () => {},
): Promise<CrashResult> {
  await using stack = await startSchedulerStack(plan);
  const wakeUps = await insertAll(stack, plan);
  const startedMs = performance.now();
  const [kills] = await Promise.all([
    killFromFirstDue(stack, plan, wakeUps, onKill),
    publishInTime(stack, wakeUps, plan.wakeUps),
  ]);
  await untilDrained(stack, plan);
  const seconds = (performance.now() - startedMs) / 1_000;
  return {
    ...(await checkEmissions(stack.nats.url, wakeUps, plan.wakeUps)),
    kills,
    pending: await pendingCount(stack),
    deadLetters: await countEvents(stack.nats.url, { stream: "DLQ", subject: "dlq.>" }),
    seconds,
  };
}

/** Before the first wake-up is due nobody holds anything that a kill could harm. */
async function killFromFirstDue(
  stack: SchedulerStack,
  plan: CrashPlan,
  { firstDueMs }: WakeUps,
  onKill: (victim: Victim, number: number) => void,
): Promise<Kills> {
  await pause(Math.max(0, firstDueMs - (await databaseNowMs(stack.db))));
  return killAround(stack, plan, onKill);
}

async function insertAll({ db }: SchedulerStack, plan: CrashPlan): Promise<WakeUps> {
  const fromMs = await databaseNowMs(db);
  const wakeUps = {
    lot: 0,
    firstDueMs: fromMs + LEAD_TIME_MS + Math.ceil((plan.wakeUps * 1_000) / INSERTS_PER_SECOND_MIN),
    spacingMs: 1_000 / plan.perSecond,
    messageEvery: plan.messageEvery,
  };
  await insertWakeUps(db, wakeUps, [0, plan.wakeUps]);
  const leftMs = wakeUps.firstDueMs - (await databaseNowMs(db));
  if (leftMs < 0) throw new Error(`the rows were inserted ${-leftMs} ms too late`);
  return wakeUps;
}

/** Publishes each message a while before its instant, whoever is being killed meanwhile. */
async function publishInTime({ db, nats }: SchedulerStack, wakeUps: WakeUps, count: number) {
  const { messageEvery, spacingMs } = wakeUps;
  if (messageEvery === 0) return;
  const startMs = performance.now();
  const startNowMs = await databaseNowMs(db);
  for (let next = 0; next < count;) {
    const untilMs = startNowMs + (performance.now() - startMs) + MESSAGES_AHEAD_MS;
    const numbers: number[] = [];
    for (; next < count && numbers.length < MESSAGES_PER_TURN; next += messageEvery) {
      if (dueMsOf(wakeUps, next) > untilMs) break;
      numbers.push(next);
    }
    if (numbers.length > 0) await insist(() => publishWakeUps(nats.url, wakeUps, numbers));
    if (numbers.length < MESSAGES_PER_TURN) await pause(Math.max(TURN_MS, spacingMs));
  }
}

/** NATS may be away at this moment: its message ids make a repeat harmless. */
async function insist(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch {
      await pause(TURN_MS);
    }
  }
}

async function untilDrained(stack: SchedulerStack, plan: CrashPlan): Promise<void> {
  const count = () => countEvents(stack.nats.url, webhookDue);
  let last = 0;
  const isDrained = async () => {
    last = await count();
    return last >= plan.wakeUps && (await pendingCount(stack)) === 0;
  };
  try {
    await stack.waitFor(isDrained, "all emitted", plan.drainMs);
  } catch (error) {
    // What is missing is the result of this run, not its end; a replica that ended is its end.
    for (const scheduler of stack.schedulers) scheduler.assertAlive();
    if (last >= plan.wakeUps) throw error;
  }
}

async function pendingCount({ db }: SchedulerStack): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "select count(*)::int as count from scheduling.due",
  );
  return rows[0]?.count ?? Number.NaN;
}
