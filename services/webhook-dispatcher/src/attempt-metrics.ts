import { batchIdOfUuid } from "@valify/contracts";
import { LATENESS_BUCKETS, type Logger, type Metrics, OPERATION_BUCKETS } from "@valify/runtime";

import { attemptLabelOf, OUTCOME_LABEL, waitingLabelOf } from "./domain/metric-labels.ts";
import type { SendResult } from "./http-sender.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";

/**
 * Counts every request, measures how late it began and how long it took, and logs those that failed.
 * Counters are looked up once per set of labels: matching labels costs more than counting.
 */
export function createAttemptMetrics(metrics: Metrics, log: Logger) {
  const { attempts, lateness, durations, connections } = register(metrics);
  const countAttempt = remember((outcome: string, attempt: string) =>
    attempts.labels({ outcome, attempt }),
  );
  const latenessOf = remember((attempt: string, waiting: string) =>
    lateness.labels({ attempt, waiting }),
  );
  const durationOf = remember((statusClass: string, errorType: string) =>
    durations.labels({ purpose: "webhook", status_class: statusClass, error_type: errorType }),
  );
  const opened = connections.labels({ reused: "false" });
  const reused = connections.labels({ reused: "true" });

  return function observe(delivery: ClaimedDelivery, result: SendResult): void {
    const { kind, cycleAttempts, turn, dueSince } = delivery;
    const { outcome, statusCode, durationMs, startedAt, trace } = result;
    const attempt = attemptLabelOf(kind, cycleAttempts);
    countAttempt(OUTCOME_LABEL[outcome], attempt).inc();
    // From when it was due at first: waiting for a slot, or for the endpoint, is lateness too.
    const lateMs = Math.max(0, startedAt.getTime() - Date.parse(dueSince));
    latenessOf(attempt, waitingLabelOf(kind, turn.waitMs)).observe(lateMs / 1_000);
    const errorType = outcome === "delivered" ? "" : outcome;
    durationOf(statusClassOf(statusCode), errorType).observe(durationMs / 1_000);
    if (trace.remoteAddress !== null) (trace.connection === null ? reused : opened).inc();
    if (outcome !== "delivered") log.info(fieldsOf(delivery, result), "delivery.attempt_failed");
    // At thousands a second the log would cost more than the work.
    else if (log.isLevelEnabled("debug"))
      log.debug(fieldsOf(delivery, result), "delivery.attempted");
  };
}

function register(metrics: Metrics) {
  return {
    attempts: metrics.counter(
      "valify_webhook_attempts_total",
      "Webhook requests, by what they came to",
      ["outcome", "attempt"],
    ),
    lateness: metrics.histogram(
      "valify_webhook_delivery_latency_seconds",
      "From the instant an attempt was due at first to the start of its request",
      ["attempt", "waiting"],
      LATENESS_BUCKETS,
    ),
    durations: metrics.histogram(
      "http_client_request_duration_seconds",
      "Duration of a request to somebody else",
      ["purpose", "status_class", "error_type"],
      OPERATION_BUCKETS,
    ),
    connections: metrics.counter(
      "valify_webhook_connections",
      "Requests that got a connection, by whether it was there already",
      ["reused"],
    ),
  };
}

/** One wide line; the batch names the trace. */
function fieldsOf(delivery: ClaimedDelivery, { outcome, statusCode, durationMs }: SendResult) {
  const { deliveryId, endpointId, round } = delivery;
  const batchId = batchIdOfUuid(delivery.batchId);
  const ids = { batchId, deliveryId, endpointId, round, attempt: delivery.attempts + 1 };
  return { ...ids, outcome, statusCode, durationMs: Math.round(durationMs) };
}

function statusClassOf(statusCode: number | null): string {
  return statusCode === null ? "" : `${Math.floor(statusCode / 100)}xx`;
}

function remember<Child>(make: (first: string, second: string) => Child) {
  const known = new Map<string, Map<string, Child>>();
  return (first: string, second: string): Child => {
    const ofFirst = known.get(first) ?? new Map<string, Child>();
    known.set(first, ofFirst);
    const child = ofFirst.get(second) ?? make(first, second);
    ofFirst.set(second, child);
    return child;
  };
}
