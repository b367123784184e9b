import type { AttemptOutcome } from "./attempt-outcome.ts";
import { nextAttemptAt } from "./retry-schedule.ts";

export type AfterAttempt =
  | { readonly state: "delivered" | "exhausted"; readonly nextAttemptAt: null }
  | { readonly state: "waiting"; readonly nextAttemptAt: Date };

/** What follows the `attempt`-th attempt of a cycle: the end, or a retry. `random` in [0, 1). */
export function decideAfterAttempt(
  outcome: AttemptOutcome,
  endedAt: Date,
  attempt: number,
  delaysMs: readonly number[],
  random: number,
): AfterAttempt {
  if (outcome === "delivered") return { state: "delivered", nextAttemptAt: null };
  const next = nextAttemptAt(endedAt, attempt, delaysMs, random);
  return next === null
    ? { state: "exhausted", nextAttemptAt: null }
    : { state: "waiting", nextAttemptAt: next };
}
