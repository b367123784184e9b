import type { ColumnType, Generated, JSONColumnType } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Findings = JSONColumnType<{ code: string; field: string; message: string }[]>;

export interface ValidationTables {
  "validation.queue": {
    batch_id: string;
    tenant_id: string;
    event: JSONColumnType<object>;
    is_high: boolean;
    total_leads: number;
    queued_at: Generated<Timestamp>;
    attempts: Generated<number>;
    not_before: Generated<Timestamp>;
  };
  "validation.runs": {
    batch_id: string;
    tenant_id: string;
    status: Generated<"processing" | "completed" | "failed" | "cancelled">;
    total_leads: number;
    announced_rows: Generated<number>;
    valid_leads: Generated<number>;
    invalid_leads: Generated<number>;
    skipped_rows: Generated<number>;
    results_object_key: string | null;
    error_code: string | null;
    error_message: string | null;
    lease_token: string | null;
    lease_until: Timestamp | null;
    started_at: Generated<Timestamp>;
    ended_at: Timestamp | null;
    leads_deleted_at: Timestamp | null;
    cancelled_at: Generated<Timestamp | null>;
    errors_object_key: Generated<string | null>;
    progressed_at: Generated<Timestamp>;
    stuck_count: Generated<number>;
  };
  "validation.lead_claims": {
    lead_hash: string;
    tenant_id: string;
    batch_id: string;
    claimed_at: Timestamp;
    seen_at: Timestamp;
  };
  "validation.suppressions": {
    lead_hash: string;
    tenant_id: string;
    created_at: Generated<Timestamp>;
  };
  "validation.leads": {
    lead_uuid: string;
    batch_id: string;
    row_number: number;
    line_number: number;
    tenant_id: string;
    lead_id: string;
    slug_version: number;
    first_name: string;
    last_name: string;
    dob: string;
    /** `yyyy-mm-dd` */
    dob_date: string | null;
    status: "valid" | "invalid" | "skipped";
    errors: Findings;
    warnings: Findings;
    validated_at: Timestamp;
    webhook_scheduled_for: Timestamp;
    erased_at: Generated<Timestamp | null>;
  };
}
