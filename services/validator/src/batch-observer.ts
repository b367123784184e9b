import { type Logger, type Metrics, OPERATION_BUCKETS } from "@valify/runtime";

import type { RowCounts } from "./domain/lead-record.ts";
import type { RunEnd } from "./run-queries.ts";

export interface BatchObserver {
  rowsAnnounced(counts: RowCounts): void;
  /** Once per batch, by the run that ended it or found it cancelled. */
  batchEnded(batchId: string, end: RunEnd, durationMs: number): void;
}

/** One wide log line per batch, none per row. */
export function createBatchObserver(log: Logger, metrics: Metrics): BatchObserver {
  const rows = metrics.counter("valify_rows_processed_total", "Rows with a verdict", ["outcome"]);
  const batches = metrics.counter("valify_batches_total", "Batches ended, by how", ["status"]);
  const duration = metrics.histogram(
    "valify_batch_duration_seconds",
    "From the claim of a batch to its end",
    [],
    OPERATION_BUCKETS,
  );
  return {
    rowsAnnounced({ valid, invalid, skipped }) {
      rows.inc({ outcome: "valid" }, valid);
      rows.inc({ outcome: "invalid" }, invalid);
      rows.inc({ outcome: "skipped" }, skipped);
    },
    batchEnded(batchId, end, durationMs) {
      batches.inc({ status: end.status });
      duration.observe(durationMs / 1000);
      const fields = { batchId, durationMs: Math.round(durationMs) };
      switch (end.status) {
        case "completed": {
          const { valid: validLeads, invalid: invalidLeads, skipped: skippedRows } = end.counts;
          log.info({ ...fields, validLeads, invalidLeads, skippedRows }, "batch.completed");
          return;
        }
        case "failed":
          log.error({ ...fields, code: end.failure.code }, "batch.failed");
          return;
        case "cancelled":
          log.info(fields, "batch.cancelled");
          return;
      }
    },
  };
}
