import {
  type BatchCompleted,
  batchCompleted,
  type BatchFailed,
  batchFailed,
  uuidOfBatchId,
} from "@valify/contracts";
import type { Database } from "@valify/database";
import { type Consumer, type ConsumerDeps, startConsumer } from "@valify/runtime";
import type { Kysely } from "kysely";

import { inTenant } from "./tenant-scope.ts";
import { settleUsage } from "./usage-ledger.ts";

const CONCURRENCY = 4;

/** Charges what a completed batch had validated. Redelivery changes nothing. */
export function createBatchCompletedHandler(db: Kysely<Database>) {
  return async function handleBatchCompleted(event: BatchCompleted): Promise<void> {
    const { batch_id: batchId, tenant_id: tenantId, valid_leads, invalid_leads } = event;
    const chargedLeads = valid_leads + invalid_leads;
    const batchUuid = uuidOfBatchId(batchId);
    await inTenant(db, tenantId, (trx) => settleUsage(trx, batchUuid, chargedLeads));
  };
}

/** A failed batch costs nothing, however far it got. */
export function createBatchFailedHandler(db: Kysely<Database>) {
  return async function handleBatchFailed(event: BatchFailed): Promise<void> {
    const { batch_id: batchId, tenant_id: tenantId } = event;
    await inTenant(db, tenantId, (trx) => settleUsage(trx, uuidOfBatchId(batchId), 0));
  };
}

export async function startUsageConsumers(
  deps: ConsumerDeps,
  db: Kysely<Database>,
): Promise<readonly Consumer[]> {
  return Promise.all([
    startConsumer(deps, {
      durable: "ingest-completed",
      event: batchCompleted,
      concurrency: CONCURRENCY,
      handle: createBatchCompletedHandler(db),
    }),
    startConsumer(deps, {
      durable: "ingest-failed",
      event: batchFailed,
      concurrency: CONCURRENCY,
      handle: createBatchFailedHandler(db),
    }),
  ]);
}
