import type { ColumnType, Generated } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

interface WakeUpColumns {
  due_at: Timestamp;
  id: string;
  tenant_id: string;
  batch_id: string;
  round: number;
  lane: number;
  kind: number;
}

export interface SchedulingTables {
  "scheduling.due": WakeUpColumns;
  "scheduling.emitted": WakeUpColumns & { emitted_at: Generated<Timestamp> };
  "scheduling.publish_mark": { at: Generated<Timestamp>; stream_seq: number; msg_id: string };
  "scheduling.cancelled_batch": {
    batch_id: string;
    cancelled_at: Generated<Timestamp>;
    keep_until: Generated<Timestamp>;
  };
}
