import type { Database } from "@valify/database";
import type { Metrics, PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { asSystem } from "./tenant-scope.ts";
import { settleUsage } from "./usage-ledger.ts";
import { listUnsettledEnds, measureDrift } from "./usage-queries.ts";

const MINUTE_MS = 60_000;
/** The event of a batch's end comes within milliseconds; one this late was lost. */
const LATE_AFTER_MS = 10 * MINUTE_MS;
const SETTLED_PER_RUN_MAX = 1_000;
/** A month that is still being looked at, and some days. */
const DRIFT_DAYS_BACK = 35;

/** Settles what an event should have settled, then checks that the ledger adds up. */
export function usageJob({
  db,
  metrics,
}: {
  readonly db: Kysely<Database>;
  readonly metrics: Metrics;
}): PeriodicJob {
  const drift = metrics.gauge(
    "valify_ledger_drift_credits",
    "Leads by which the usage ledger differs from the batches, as of the last check made here",
    [],
  );
  return {
    name: "usage_ledger",
    periodMs: 5 * MINUTE_MS,
    timeoutMs: MINUTE_MS,
    async run() {
      const options = { afterMs: LATE_AFTER_MS, limit: SETTLED_PER_RUN_MAX };
      const late = await asSystem(db, (trx) => listUnsettledEnds(trx, options));
      for (const { batchUuid, chargedLeads } of late) {
        await asSystem(db, (trx) => settleUsage(trx, batchUuid, chargedLeads));
      }
      const driftLeads = await asSystem(db, (trx) =>
        measureDrift(trx, { daysBack: DRIFT_DAYS_BACK }),
      );
      drift.set(driftLeads);
      return { settledLate: late.length, driftLeads };
    },
  };
}
