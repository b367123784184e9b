import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { ReceiverCommand } from "./receiver-command.ts";
import { nextAttemptAt } from "./retry-schedule.ts";

export interface AttemptFacts {
  readonly outcome: AttemptOutcome;
  readonly statusCode: number | null;
  /** What its `Retry-After` asked for, from `endedAt` on. */
  readonly retryAfterMs: number | null;
  readonly command: ReceiverCommand | null;
  readonly endedAt: Date;
  /** The number of this attempt in its cycle, from 1. */
  readonly attempt: number;
  /** When the next probe would be due if this was one; else null. */
  readonly nextProbeAt: Date | null;
  /** Throttled ever since by this endpoint; null: not before this attempt. */
  readonly throttledSince: Date | null;
}

export interface AfterAttempt {
  readonly state: "delivered" | "exhausted" | "waiting" | "held";
  readonly nextAttemptAt: Date | null;
  readonly waitReason: "retry" | "throttled" | "open" | "disabled" | null;
  /** Whether it counts towards the attempts of its cycle. */
  readonly isSpent: boolean;
  /** Not 0: the receiver wants to be left alone for so long. */
  readonly pauseMs: number;
}

/** After this long of nothing but 429 it is a failure like any other, and costs attempts. */
const THROTTLE_MAX_MS = 6 * 3_600_000;
/** For a 429 that does not say for how long. */
const THROTTLE_DEFAULT_MS = 60_000;
const THROTTLE_MIN_MS = 1_000;

const END = { nextAttemptAt: null, waitReason: null, isSpent: true, pauseMs: 0 } as const;

/** What follows an attempt: the end, a retry, or a wait that costs nothing. `random` in [0, 1). */
export function decideAfterAttempt(
  facts: AttemptFacts,
  delaysMs: readonly number[],
  random: number,
): AfterAttempt {
  const { outcome, statusCode, command, endedAt, nextProbeAt, retryAfterMs } = facts;
  if (outcome === "delivered") return { ...END, state: "delivered" };
  if (command === "abort-message") return { ...END, state: "exhausted" };
  if (statusCode === 410 || command === "disable") {
    return { ...END, state: "held", waitReason: "disabled" };
  }
  if (isThrottle(facts)) {
    const pauseMs = throttlePauseMs(retryAfterMs);
    const until = new Date(endedAt.getTime() + pauseMs);
    const wait = { nextAttemptAt: until, waitReason: "throttled", isSpent: false } as const;
    return { ...wait, state: "waiting", pauseMs };
  }
  // Nobody chose this delivery to find out that the endpoint is still down.
  if (nextProbeAt !== null) {
    const wait = { nextAttemptAt: nextProbeAt, waitReason: "open", isSpent: false } as const;
    return { ...wait, state: "held", pauseMs: 0 };
  }
  const next = nextAttemptAt(endedAt, facts.attempt, delaysMs, random);
  if (next === null) return { ...END, state: "exhausted" };
  const askedMs = endedAt.getTime() + (retryAfterMs ?? 0);
  const at = new Date(Math.max(next.getTime(), askedMs));
  return { state: "waiting", nextAttemptAt: at, waitReason: "retry", isSpent: true, pauseMs: 0 };
}

function isThrottle({ statusCode, retryAfterMs, throttledSince, endedAt }: AttemptFacts): boolean {
  const asks = statusCode === 429 || (statusCode === 503 && retryAfterMs !== null);
  if (!asks) return false;
  return throttledSince === null || endedAt.getTime() - throttledSince.getTime() < THROTTLE_MAX_MS;
}

function throttlePauseMs(retryAfterMs: number | null): number {
  const askedMs = retryAfterMs ?? THROTTLE_DEFAULT_MS;
  return Math.min(THROTTLE_MAX_MS, Math.max(THROTTLE_MIN_MS, askedMs));
}
