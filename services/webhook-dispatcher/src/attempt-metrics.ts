import { LATENESS_BUCKETS, type Logger, type Metrics } from "@valify/runtime";

import type { SendResult } from "./http-sender.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";

/** Counts every attempt, measures how late it began, and logs those that failed. */
export function createAttemptMetrics(metrics: Metrics, log: Logger) {
  const attempts = metrics.counter(
    "valify_webhook_attempts_total",
    "Webhook requests, by what they came to",
    ["outcome", "attempt"],
  );
  // Nothing is taken out: waiting for a slot is lateness too.
  const lateness = metrics.histogram(
    "valify_webhook_delivery_latency_seconds",
    "From the due instant to the start of the request",
    ["attempt"],
    LATENESS_BUCKETS,
  );
  // By the kind of the wake-up, looked up once: matching labels costs more than counting.
  const byKind = ATTEMPT_LABELS.map((attempt) => ({
    attempt,
    lateness: lateness.labels({ attempt }),
    delivered: attempts.labels({ outcome: "delivered", attempt }),
  }));
  const [first] = byKind;
  return function observe(delivery: ClaimedDelivery, result: SendResult): void {
    const of = byKind[delivery.kind] ?? first;
    const { outcome, statusCode, durationMs, startedAt } = result;
    of?.lateness.observe(Math.max(0, startedAt.getTime() - Date.parse(delivery.dueAt)) / 1_000);
    if (outcome === "delivered") {
      of?.delivered.inc();
      return;
    }
    attempts.inc({ outcome, attempt: of?.attempt ?? "first" });
    const { deliveryId, endpointId, round } = delivery;
    log.info(
      { deliveryId, endpointId, round, outcome, statusCode, durationMs: Math.round(durationMs) },
      "delivery.attempt_failed",
    );
  };
}

/** By the kind of the wake-up: first, retry, deferral, manual, recover. */
const ATTEMPT_LABELS = ["first", "retry", "first", "manual", "manual"] as const;
