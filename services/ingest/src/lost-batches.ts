import { batchIdOfUuid, batchUploaded, RuleProfile } from "@valify/contracts";
import { BatchOptions } from "@valify/contracts/api";
import { addToOutbox, type Database } from "@valify/database";
import type { JobRun, PeriodicJob } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import { asSystem } from "./tenant-scope.ts";

export interface LostBatchesDeps {
  readonly db: Kysely<Database>;
  /** A batch that nobody has begun this long after its upload. */
  readonly stuckAfterMs: number;
  readonly wakeOutbox: () => void;
}

interface LostBatch {
  readonly batchUuid: string;
  readonly tenantId: string;
  readonly objectKey: string;
  readonly byteCount: number;
  readonly totalLeads: number;
  readonly asOf: string;
  readonly webhookDelayMs: number;
  readonly ruleProfile: object | null;
  readonly options: object;
  readonly createdAt: Date;
}

const BATCHES_PER_RUN = 100;
/** Older ones are a matter for people: their events have left the stream, and files are deleted. */
const LOOK_BACK_MS = 7 * 24 * 3_600_000;
const RUN_TIMEOUT_MS = 60_000;

/**
 * Announces a batch again that is neither waiting, at work nor ended: its event was lost on the way.
 * Doing so for one that is only late changes nothing, since the queue knows it.
 */
export function lostBatchesJob(deps: LostBatchesDeps): PeriodicJob {
  const periodMs = Math.min(deps.stuckAfterMs, 3_600_000);
  return {
    name: "lost_batches",
    periodMs,
    timeoutMs: RUN_TIMEOUT_MS,
    run: ({ now }: JobRun) => announceLostBatches(deps, now),
  };
}

export async function announceLostBatches(deps: LostBatchesDeps, now: Date) {
  const announced = await asSystem(deps.db, async (trx) => {
    const lost = await findLostBatches(trx, {
      from: new Date(now.getTime() - LOOK_BACK_MS),
      to: new Date(now.getTime() - deps.stuckAfterMs),
    });
    for (const batch of lost) await addToOutbox(trx, batchUploaded.subject, eventOf(batch));
    return lost.length;
  });
  if (announced > 0) deps.wakeOutbox();
  return { announced };
}

/** Along the index batches_by_age. One that still waits in the outbox comes too: harmless, and rare. */
async function findLostBatches(
  db: Kysely<Database>,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly LostBatch[]> {
  const { rows } = await sql<LostBatch>`
    select batch_id as "batchUuid", tenant_id as "tenantId", object_key as "objectKey",
      byte_count as "byteCount", total_leads as "totalLeads", as_of::text as "asOf",
      webhook_delay_ms as "webhookDelayMs", rule_profile as "ruleProfile", options,
      created_at as "createdAt"
    from ingest.batches as b
    where created_at between ${from} and ${to} and cancelled_at is null
      and not exists (select from validation.runs as r where r.batch_id = b.batch_id)
      and not exists (select from validation.queue as q where q.batch_id = b.batch_id)
    order by created_at limit ${BATCHES_PER_RUN}`.execute(db);
  return rows;
}

function eventOf(batch: LostBatch) {
  const { priority } = BatchOptions.parse(batch.options);
  return {
    batch_id: batchIdOfUuid(batch.batchUuid),
    tenant_id: batch.tenantId,
    object_key: batch.objectKey,
    byte_count: batch.byteCount,
    total_leads: batch.totalLeads,
    as_of: batch.asOf,
    webhook_delay_ms: batch.webhookDelayMs,
    ...(batch.ruleProfile === null ? {} : { rule_profile: RuleProfile.parse(batch.ruleProfile) }),
    ...(priority === "normal" ? {} : { priority }),
    uploaded_at: batch.createdAt.toISOString(),
  };
}
