import type { AttemptOutcome } from "./attempt-outcome.ts";

/** The outcomes that dashboards and alerts know; the class in the attempt log is finer. */
export const OUTCOME_LABEL = {
  delivered: "delivered",
  http_3xx: "redirect",
  http_4xx: "http_4xx",
  http_5xx: "http_5xx",
  dns: "connect_error",
  connect_refused: "connect_error",
  reset: "connect_error",
  timeout_connect: "timeout",
  timeout_response: "timeout",
  tls: "tls_error",
  ssrf_blocked: "blocked",
  internal: "internal",
} as const satisfies Record<AttemptOutcome, string>;

const FIRST_REPLAY_KIND = 3;
const DEFERRAL_KIND = 2;

/** `manual`: a person asked for it, or for many of them at once. */
export type AttemptLabel = "first" | "retry" | "manual";

/** `cycleAttempts`: before this one. A deferral says nothing about what it deferred. */
export function attemptLabelOf(kind: number, cycleAttempts: number): AttemptLabel {
  if (kind >= FIRST_REPLAY_KIND) return "manual";
  return cycleAttempts === 0 ? "first" : "retry";
}

/** Why an attempt was late, if it was: its slot came later, or it was sent back to wait. */
export type WaitingLabel = "none" | "slot" | "deferred";

export function waitingLabelOf(kind: number, slotWaitMs: number): WaitingLabel {
  if (kind === DEFERRAL_KIND) return "deferred";
  return slotWaitMs > 0 ? "slot" : "none";
}
