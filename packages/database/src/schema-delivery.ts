import type { ColumnType, Generated, JSONColumnType } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

export type DeliveryState =
  | "sending"
  | "waiting"
  | "held"
  | "delivered"
  | "exhausted"
  | "cancelled"
  | "no_endpoint"
  | "erased";

type HeaderColumn = JSONColumnType<Record<string, string>> | null;

/** What a waiting or held delivery waits for. */
export type WaitReason =
  | "retry"
  | "rate"
  | "full"
  | "throttled"
  | "open"
  | "paused"
  | "disabled"
  | "internal";

export type EndpointState = "healthy" | "degraded" | "open" | "disabled";

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
    wait_reason: WaitReason | null;
    due_since: Timestamp | null;
    body_sha256: Buffer | null;
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
    request_headers: HeaderColumn;
    response_headers: HeaderColumn;
    response_truncated: boolean | null;
    remote_address: string | null;
    dns_ms: number | null;
    connect_ms: number | null;
    tls_ms: number | null;
    first_byte_ms: number | null;
  };
  "delivery.endpoint_health": {
    endpoint_id: string;
    tenant_id: string;
    state: EndpointState;
    consecutive_failures: number;
    failing_since: Timestamp | null;
    recent: JSONColumnType<{ minute: number; failures: number; successes: number }[]>;
    probe_at: Timestamp | null;
    probe_delay_ms: number;
    throttled_since: Timestamp | null;
    paused_until: Timestamp | null;
    disabled_at: Timestamp | null;
    disabled_reason: string | null;
    disabled_announced_at: Timestamp | null;
    updated_at: Timestamp;
  };
  "delivery.erased_leads": { lead_uuid: string; erased_at: Generated<Timestamp> };
  "delivery.replicas": { replica_id: string; seen_at: Timestamp };
  "delivery.slots": { endpoint_id: string; next_free: Timestamp };
}
