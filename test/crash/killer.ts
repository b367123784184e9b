import { setTimeout as pause } from "node:timers/promises";

import type { SchedulerStack } from "../support/scheduler-stack.ts";

export type Victim = "scheduler" | "postgres" | "nats";

export interface KillPlan {
  readonly kills: number;
  /** The mean pause between the return of one victim and the next kill. */
  readonly pauseMs: number;
  readonly seed: number;
}

export interface Kills extends Readonly<Record<Victim, number>> {
  /** How many of them struck while wake-ups were still pending. */
  readonly atWork: number;
}

/** Of ten kills six are a scheduler's: it is the one that holds claims. */
const VICTIMS: readonly Victim[] = [
  "scheduler",
  "postgres",
  "scheduler",
  "nats",
  "scheduler",
  "scheduler",
  "postgres",
  "scheduler",
  "nats",
  "scheduler",
];

/**
 * SIGKILLs one process after the other, at moments that a seed decides, and starts each again at
 * once. Every replica and both servers are hit in turn; only the moments are random.
 */
export async function killAround(
  { schedulers, postgres, nats, db }: SchedulerStack,
  plan: KillPlan,
  onKill: (victim: Victim, number: number) => void,
): Promise<Kills> {
  const random = createRandom(plan.seed);
  const kills = { scheduler: 0, postgres: 0, nats: 0, atWork: 0 };
  for (let number = 0; number < plan.kills; number += 1) {
    await pause(plan.pauseMs * (0.5 + random()));
    const { rows } = await db.query("select 1 from scheduling.due limit 1");
    const victim = VICTIMS[number % VICTIMS.length] ?? "scheduler";
    if (victim === "scheduler") {
      await schedulers[kills.scheduler % schedulers.length]?.restart();
    } else {
      const server = victim === "postgres" ? postgres : nats;
      await server.kill9();
      await server.restart();
    }
    kills[victim] += 1;
    kills.atWork += rows.length;
    onKill(victim, number + 1);
  }
  return kills;
}

/** mulberry32: a run can be repeated by its seed. In [0, 1). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
