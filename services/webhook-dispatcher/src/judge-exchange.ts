import { WakeUpKind } from "@valify/contracts";

import type { Decision } from "./decisions.ts";
import {
  type AfterAttempt,
  type AttemptFacts,
  decideAfterAttempt,
} from "./domain/decide-after-attempt.ts";
import {
  type EndpointHealth,
  type HealthSignal,
  nextProbeDelayMs,
} from "./domain/endpoint-health.ts";
import { healthSignalOf } from "./domain/health-signal.ts";
import { receiverCommandOf } from "./domain/receiver-command.ts";
import { retryAfterMs } from "./domain/retry-after.ts";
import type { SendResult } from "./http-sender.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";

/** A probe that failed comes last: the next one should be another delivery, if there is one. */
const PROBE_BACK_MS = 2_000;

/** What an answer means for its delivery, and what it says about the endpoint. */
export function judgeExchange(
  { cycleAttempts, isProbe }: Pick<ClaimedDelivery, "cycleAttempts" | "isProbe">,
  result: SendResult,
  health: EndpointHealth,
  delaysMs: readonly number[],
): { readonly decision: Decision; readonly signal: HealthSignal | null } {
  const endedAt = new Date(result.startedAt.getTime() + result.durationMs);
  const probeAtMs = endedAt.getTime() + nextProbeDelayMs(health.probeDelayMs) + PROBE_BACK_MS;
  const facts: AttemptFacts = {
    outcome: result.outcome,
    statusCode: result.statusCode,
    retryAfterMs: retryAfterMs(result.retryAfter, endedAt),
    command: receiverCommandOf(result.webhookDelivery),
    endedAt,
    attempt: cycleAttempts + 1,
    nextProbeAt: isProbe ? new Date(probeAtMs) : null,
    throttledSince: health.throttledSince,
  };
  const after = decideAfterAttempt(facts, delaysMs, Math.random());
  const decision = { ...after, wakeKind: wakeKindOf(after) };
  return { decision, signal: healthSignalOf(facts, after, isProbe) };
}

/** An attempt that cost nothing is still to be made: its wait counts as lateness. */
function wakeKindOf({ nextAttemptAt, isSpent }: AfterAttempt): number | null {
  if (nextAttemptAt === null) return null;
  return isSpent ? WakeUpKind.retry : WakeUpKind.deferral;
}
