import type { Database, WaitReason } from "@valify/database";
import { type Logger, type Metrics, startPeriodic } from "@valify/runtime";
import type { Kysely } from "kysely";

import { DISABLE_AFTER_MS } from "./domain/endpoint-health.ts";
import { type Count, countEndpoints, countFailing, countWaiting } from "./gauge-queries.ts";

const EVERY_MS = 15_000;

const REASONS: readonly WaitReason[] = [
  "retry",
  "rate",
  "full",
  "throttled",
  "open",
  "paused",
  "disabled",
  "internal",
];
/** Of the time without a success after which an endpoint is disabled. */
const FAILING_SHARES = [0.5, 0.7, 0.9] as const;
const ENDPOINT_STATES = ["healthy", "degraded", "open", "disabled", "paused"] as const;

export interface DeliveryGaugesDeps {
  readonly db: Kysely<Database>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * What waits and how the endpoints do, from the tables: every dispatcher shows the same, so take the
 * maximum over them, not the sum. Dispose it to stop.
 */
export async function startDeliveryGauges(deps: DeliveryGaugesDeps): Promise<AsyncDisposable> {
  const { db, metrics, log } = deps;
  const deliveries = metrics.gauge(
    "valify_webhook_deliveries",
    "Deliveries that wait or are held, by what for",
    ["state"],
  );
  const endpoints = metrics.gauge("valify_webhook_endpoints", "Endpoints, by how they do", [
    "state",
  ]);
  const failing = metrics.gauge(
    "valify_webhook_endpoints_failing",
    "Open endpoints that have failed for at least this share of the time to their disabling",
    ["share"],
  );

  async function look(): Promise<void> {
    const [waiting, states, counts] = await Promise.all([
      countWaiting(db),
      countEndpoints(db),
      countFailing(
        db,
        FAILING_SHARES.map((share) => share * DISABLE_AFTER_MS),
      ),
    ]);
    for (const [index, share] of FAILING_SHARES.entries()) {
      failing.set({ share: String(share) }, counts[index] ?? 0);
    }
    for (const state of REASONS) deliveries.set({ state }, countOf(waiting, state));
    for (const state of ENDPOINT_STATES) endpoints.set({ state }, countOf(states, state));
  }

  const event = "gauges.not_read";
  await look().catch((error: unknown) => log.warn({ err: error }, event));
  return startPeriodic(look, { intervalMs: EVERY_MS, event, log });
}

/** What is there no more is 0, not what it was. */
function countOf(counts: readonly Count<string>[], label: string): number {
  return counts.find((count) => count.label === label)?.count ?? 0;
}
