import type { ColumnType } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

interface PeriodicJobTable {
  job: string;
  started_at: Timestamp;
  ended_at: Timestamp;
  succeeded_at: Timestamp | null;
}

/** The schemas that hold such a table: one per service. */
export type JobSchema = "ingest" | "validation" | "scheduling" | "delivery";

export type PeriodicJobTables = {
  [Schema in JobSchema as `${Schema}.periodic_jobs`]: PeriodicJobTable;
};
