import type { ColumnType, Generated, JSONColumnType } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type TimestampByDefault = ColumnType<Date, Date | string | undefined, Date | string>;

export interface IngestTables {
  "ingest.tenants": {
    tenant_id: string;
    name: string;
    created_at: Generated<Timestamp>;
    /** Null: no limit. So are the next three. */
    files_per_day_max: Generated<number | null>;
    leads_per_month_max: Generated<number | null>;
    stored_bytes_max: Generated<number | null>;
    concurrent_batches_max: Generated<number | null>;
  };
  "ingest.users": {
    user_id: Generated<string>;
    tenant_id: string;
    email: string;
    role: "admin" | "operator" | "viewer";
    password_hash: string | null;
    oidc_subject: Generated<string | null>;
    created_at: Generated<Timestamp>;
    disabled_at: Generated<Timestamp | null>;
  };
  "ingest.api_keys": {
    api_key_id: Generated<string>;
    tenant_id: string;
    name: string;
    key_hash: Buffer;
    created_at: Generated<Timestamp>;
    revoked_at: Timestamp | null;
    scopes: Generated<string[]>;
    hint: Generated<string>;
    last_used_at: Generated<Timestamp | null>;
  };
  "ingest.sessions": {
    session_hash: Buffer;
    session_id: Generated<string>;
    tenant_id: string;
    api_key_id: string | null;
    user_id: string | null;
    created_at: Generated<Timestamp>;
    last_seen_at: Generated<Timestamp>;
    expires_at: Timestamp;
  };
  "ingest.sign_in_attempts": { bucket: Buffer; attempts: number; started_at: Timestamp };
  /** Chained by a trigger, which fills in what is left out here. */
  "ingest.audit_log": {
    tenant_id: string;
    sequence: Generated<number>;
    at: Generated<Timestamp>;
    actor_kind: "user" | "api_key" | "system";
    actor_id: string | null;
    ip: string | null;
    action: string;
    object_kind: string;
    object_id: string | null;
    details: JSONColumnType<Record<string, unknown>>;
    previous_hash: Generated<Buffer>;
    hash: Generated<Buffer>;
  };
  "ingest.batches": {
    batch_id: string;
    tenant_id: string;
    filename: string;
    object_key: string;
    byte_count: number;
    content_sha256: Buffer;
    encoding: string;
    delimiter: string;
    total_leads: number;
    warnings: JSONColumnType<{ code: string; message: string }[]>;
    /** `yyyy-mm-dd` */
    as_of: string;
    webhook_delay_ms: number;
    idempotency_key: string | null;
    created_at: Generated<Timestamp>;
    cancelled_at: Timestamp | null;
    upload_deleted_at: Timestamp | null;
    rule_profile: JSONColumnType<object> | null;
    rule_profile_version: number | null;
    ruleset_version: string | null;
    rows_sha256: Buffer | null;
    options: ColumnType<object, string | undefined, string>;
    usage_settled_at: Generated<Timestamp | null>;
  };
  "ingest.rule_profiles": {
    tenant_id: string;
    version: number;
    profile: JSONColumnType<object>;
    ruleset_version: string;
    created_at: Generated<Timestamp>;
  };
  "ingest.usage_entries": {
    entry_id: Generated<number>;
    tenant_id: string;
    batch_id: string;
    kind: "reserve" | "charge" | "release";
    leads: number;
    at: Generated<Timestamp>;
  };
  "ingest.endpoint_creations": {
    tenant_id: string;
    idempotency_key: string;
    request_hash: Buffer;
    answer_encrypted: Buffer;
    created_at: TimestampByDefault;
  };
  "ingest.endpoints": {
    endpoint_id: Generated<string>;
    tenant_id: string;
    url: string;
    description: Generated<string>;
    secret_encrypted: Buffer;
    send: Generated<"all" | "valid" | "invalid">;
    rate_per_second: number | null;
    concurrency: number | null;
    retry_delays_ms: number[] | null;
    status: Generated<"active" | "paused" | "disabled">;
    is_default: Generated<boolean>;
    activated_at: TimestampByDefault;
    public_key: string | null;
    old_secrets_encrypted: Generated<Buffer[]>;
    old_secrets_until: Generated<Date[]>;
    headers_encrypted: Buffer | null;
    client_certificate: string | null;
    client_key_encrypted: Buffer | null;
    settings_hash: Buffer | null;
    created_at: TimestampByDefault;
    updated_at: TimestampByDefault;
  };
  "ingest.replays": {
    replay_id: Generated<string>;
    tenant_id: string;
    scope: "failed" | "missing" | "held";
    endpoint_id: string | null;
    batch_id: string | null;
    from_at: Timestamp | null;
    to_at: TimestampByDefault;
    status: Generated<"running" | "completed" | "cancelled">;
    planned_count: number;
    queued_count: Generated<number>;
    place_created_at: Timestamp | null;
    place_batch_id: string | null;
    place_lead_uuid: string | null;
    place_id: string | null;
    is_last_chunk: Generated<boolean>;
    chunk: JSONColumnType<[string, number, string][]> | null;
    lease_token: string | null;
    lease_until: Timestamp | null;
    created_at: TimestampByDefault;
    worked_at: TimestampByDefault;
    ended_at: Timestamp | null;
  };
  "ingest.replay_targets": {
    delivery_id: string;
    replay_id: string;
    tenant_id: string;
    lead_uuid: string;
    endpoint_id: string;
    batch_id: string;
  };
  "ingest.erasures": {
    erasure_id: string;
    tenant_id: string;
    attempt: Generated<number>;
    leads: JSONColumnType<{ lead_uuid: string; batch_id: string; webhook_scheduled_for: string }[]>;
    tombstones: string[];
    requested_at: TimestampByDefault;
    told_at: TimestampByDefault;
    validator_at: Timestamp | null;
    scheduler_at: Timestamp | null;
    dispatcher_at: Timestamp | null;
    uploads_at: Timestamp | null;
    completed_at: Timestamp | null;
  };
  "ingest.notifications": {
    event_id: string;
    channel: "email" | "webhook";
    tenant_id: string;
    sent_at: Generated<Timestamp>;
  };
  "ingest.outbox": {
    outbox_id: Generated<number>;
    subject: string;
    event: JSONColumnType<object>;
    created_at: Generated<Timestamp>;
  };
}
