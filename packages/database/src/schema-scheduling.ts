import type { ColumnType, Generated } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

export interface SchedulingTables {
  "scheduling.due": {
    due_at: Timestamp;
    id: string;
    tenant_id: string;
    batch_id: string;
    round: number;
    lane: number;
    kind: number;
  };
  "scheduling.cancelled_batch": { batch_id: string; cancelled_at: Generated<Timestamp> };
}
