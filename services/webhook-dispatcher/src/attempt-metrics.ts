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
  return function observe(delivery: ClaimedDelivery, result: SendResult): void {
    const attempt = ATTEMPT_LABELS[delivery.kind] ?? "first";
    const { outcome, statusCode, durationMs } = result;
    attempts.inc({ outcome, attempt });
    lateness.observe(
      { attempt },
      Math.max(0, result.startedAt.getTime() - Date.parse(delivery.dueAt)) / 1_000,
    );
    if (outcome === "delivered") return;
    const { deliveryId, endpointId, round } = delivery;
    log.info(
      { deliveryId, endpointId, round, outcome, statusCode, durationMs: Math.round(durationMs) },
      "delivery.attempt_failed",
    );
  };
}

/** By the kind of the wake-up: first, retry, deferral, manual, recover. */
const ATTEMPT_LABELS = ["first", "retry", "first", "manual", "manual"] as const;
