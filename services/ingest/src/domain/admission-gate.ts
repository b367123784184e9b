import type { AdmissionReason } from "@valify/contracts/api";

/** Shares of the memory limit. The gap keeps the gate from fluttering. */
export const CLOSES_AT = 0.8;
export const REOPENS_AT = 0.7;
/**
 * A broker that is away for less than this costs nobody anything: what is accepted meanwhile waits
 * in the outbox. Longer, and what was accepted would only pile up.
 */
export const BROKER_GRACE_MS = 5_000;

export interface AdmissionReading {
  /** Share of the memory limit in use. */
  readonly utilization: number;
  readonly isDatabaseAway: boolean;
  /** How long the broker has been away; 0 while it is there. */
  readonly brokerAwayMs: number;
}

/** Why no upload may come in; empty: the gate is open. `before` is the last answer. */
export function closedReasons(
  before: readonly AdmissionReason[],
  { utilization, isDatabaseAway, brokerAwayMs }: AdmissionReading,
): readonly AdmissionReason[] {
  const reasons: AdmissionReason[] = [];
  const limit = before.includes("memory") ? REOPENS_AT : CLOSES_AT;
  if (utilization > limit || utilization >= CLOSES_AT) reasons.push("memory");
  if (isDatabaseAway) reasons.push("database");
  if (brokerAwayMs >= BROKER_GRACE_MS) reasons.push("broker");
  return reasons;
}
