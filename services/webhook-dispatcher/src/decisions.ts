import { WakeUpKind } from "@valify/contracts";
import type { WaitReason } from "@valify/database";

import type { Hold } from "./admit-pull.ts";
import type { DeliveryRecord } from "./record-queries.ts";

/** What is to become of a delivery. `wakeKind`: of its next wake-up; null where there is none. */
export interface Decision extends Pick<DeliveryRecord, "state" | "nextAttemptAt"> {
  readonly waitReason: WaitReason | null;
  readonly wakeKind: number | null;
  /** Whether a request counts towards the attempts of its cycle. */
  readonly isSpent: boolean;
}

const NOTHING_NEXT = { wakeKind: null, nextAttemptAt: null, isSpent: false } as const;

export const ERASED: Decision = { ...NOTHING_NEXT, state: "erased", waitReason: null };
export const CANCELLED: Decision = { ...NOTHING_NEXT, state: "cancelled", waitReason: null };
/** Something of ours is broken that waiting does not mend; a dead letter says what. */
export const HELD_BY_US: Decision = { ...NOTHING_NEXT, state: "held", waitReason: "internal" };

/** No attempt is spent: the endpoint is full or over its rate, or something of ours is broken. */
export function deferral(
  waitReason: "rate" | "full" | "internal",
  now: Date,
  delayMs: number,
): Decision {
  const nextAttemptAt = new Date(now.getTime() + delayMs);
  const wakeKind = WakeUpKind.deferral;
  return { state: "waiting", waitReason, wakeKind, nextAttemptAt, isSpent: false };
}

/** A throttled one only waits; all others are held until the endpoint is well again. */
export function held({ reason, notBefore }: Hold): Decision {
  const state = reason === "throttled" ? "waiting" : "held";
  const wakeKind = notBefore === null ? null : WakeUpKind.deferral;
  return { state, waitReason: reason, wakeKind, nextAttemptAt: notBefore, isSpent: false };
}

/** So that what is deferred together does not come back together. */
export function spread(delayMs: number): number {
  return delayMs * (1 + Math.random());
}
