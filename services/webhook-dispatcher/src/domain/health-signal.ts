import type { AfterAttempt, AttemptFacts } from "./decide-after-attempt.ts";
import type { DisabledReason, HealthSignal } from "./endpoint-health.ts";

/** What an attempt says about the endpoint; null where it says something about one message alone. */
export function healthSignalOf(
  facts: AttemptFacts,
  { pauseMs }: AfterAttempt,
  isProbe: boolean,
): HealthSignal | null {
  const { outcome, endedAt: at, command } = facts;
  if (command === "abort-message" && outcome !== "delivered") return null;
  const kind = outcome === "delivered" ? "success" : pauseMs > 0 ? "throttled" : "failure";
  return { kind, at, isProbe, pauseMs, disable: disableOf(facts) };
}

function disableOf({ statusCode, command }: AttemptFacts): DisabledReason | null {
  if (statusCode === 410) return "gone";
  return command === "disable" ? "requested" : null;
}
