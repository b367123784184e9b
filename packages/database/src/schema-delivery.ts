import type { ColumnType, Generated } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

export type DeliveryState =
  | "sending"
  | "waiting"
  | "delivered"
  | "exhausted"
  | "cancelled"
  | "no_endpoint";

export interface DeliveryTables {
  "delivery.deliveries": {
    delivery_id: string;
    lead_uuid: string;
    endpoint_id: string;
    tenant_id: string;
    batch_id: string;
    state: DeliveryState;
    round: number;
    wake_kind: number;
    attempts: Generated<number>;
    cycle_attempts: Generated<number>;
    lease_until: Timestamp | null;
    next_attempt_at: Timestamp | null;
    last_attempt_at: Timestamp | null;
    delivered_at: Timestamp | null;
    last_status_code: number | null;
    last_error_class: string | null;
    created_at: Generated<Timestamp>;
  };
  "delivery.attempts": {
    delivery_id: string;
    attempt: number;
    round: number;
    kind: number;
    tenant_id: string;
    endpoint_id: string;
    due_at: Timestamp;
    started_at: Timestamp;
    duration_ms: number;
    outcome: string;
    status_code: number | null;
    response_body: string | null;
  };
  "delivery.slots": { endpoint_id: string; next_free: Timestamp };
}
