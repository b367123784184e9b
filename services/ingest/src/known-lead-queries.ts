import { batchIdOfUuid } from "@valify/contracts";
import { arrayLiteral, type Database, type LeadHash } from "@valify/database";
import { formatDayFirst, type KnownLead, londonDateOf } from "@valify/lead-file";
import { type Kysely, sql } from "kysely";

export interface KnownLeadsQuestion {
  readonly tenantId: string;
  readonly leadIds: readonly string[];
  readonly windowDays: number;
  readonly leadHash: LeadHash;
}

interface KnownRow {
  readonly leadHash: string;
  /** Null: the person asked to be erased. */
  readonly batchUuid: string | null;
  readonly at: Date;
}

/**
 * Which of these leads the validator would know from earlier batches, or refuse as erased, by the
 * rules of its own claim: one of a batch that failed or was cancelled is free again, and so is one
 * whose window is over. Along both primary keys. It claims nothing.
 */
export async function findKnownLeads(
  db: Kysely<Database>,
  { tenantId, leadIds, windowDays, leadHash }: KnownLeadsQuestion,
): Promise<ReadonlyMap<string, KnownLead>> {
  const idOfHash = new Map(leadIds.map((leadId) => [leadHash(tenantId, leadId), leadId]));
  const hashes = arrayLiteral([...idOfHash.keys()]);
  const { rows } = await sql<KnownRow>`
    select replace(c.lead_hash::text, '-', '') as "leadHash", c.batch_id as "batchUuid",
      c.claimed_at as at
    from validation.lead_claims as c
    where c.lead_hash = any(${hashes}::uuid[]) and c.tenant_id = ${tenantId}
      and c.seen_at >= clock_timestamp() - ${windowDays} * interval '1 day'
      and not exists (
        select from validation.runs as r where r.batch_id = c.batch_id
          and (r.status in ('failed', 'cancelled') or r.cancelled_at is not null))
    union all
    select replace(lead_hash::text, '-', ''), null, created_at from validation.suppressions
    where lead_hash = any(${hashes}::uuid[]) and tenant_id = ${tenantId}`.execute(db);
  const known = new Map<string, KnownLead>();
  for (const row of rows) {
    const leadId = idOfHash.get(row.leadHash) ?? "";
    // Who asked to be erased is that and nothing else.
    if (known.get(leadId)?.kind !== "suppressed") known.set(leadId, knownLeadOf(row));
  }
  return known;
}

function knownLeadOf({ batchUuid, at }: KnownRow): KnownLead {
  if (batchUuid === null) return { kind: "suppressed" };
  return {
    kind: "seen",
    batchId: batchIdOfUuid(batchUuid),
    date: formatDayFirst(londonDateOf(at)),
  };
}
