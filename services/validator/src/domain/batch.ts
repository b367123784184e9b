import { type BatchUploaded, uuidOfBatchId } from "@valify/contracts";
import {
  type CalendarDate,
  defaultRuleProfile,
  type RuleProfile,
  ruleProfileOf,
} from "@valify/lead-file";

/** What `batch.uploaded` says of a batch, under our own names. */
export interface Batch {
  /** `batch_…`, for events and the log. */
  readonly batchId: string;
  /** The same 128 bits, for Postgres and object keys. */
  readonly batchUuid: string;
  readonly tenantId: string;
  readonly objectKey: string;
  readonly byteCount: number;
  readonly totalLeads: number;
  readonly asOf: CalendarDate;
  readonly webhookDelayMs: number;
  readonly uploadedAt: Date;
  /** As it was at upload, so that every row of a batch is judged alike, whenever that is. */
  readonly ruleProfile: RuleProfile;
}

export function batchOfEvent(event: BatchUploaded): Batch {
  const [year = 0, month = 0, day = 0] = event.as_of.split("-").map(Number);
  const profile = event.rule_profile;
  return {
    batchId: event.batch_id,
    batchUuid: uuidOfBatchId(event.batch_id),
    tenantId: event.tenant_id,
    objectKey: event.object_key,
    byteCount: event.byte_count,
    totalLeads: event.total_leads,
    asOf: { year, month, day },
    webhookDelayMs: event.webhook_delay_ms,
    uploadedAt: new Date(event.uploaded_at),
    ruleProfile: profile === undefined ? defaultRuleProfile : ruleProfileOf(profile),
  };
}
