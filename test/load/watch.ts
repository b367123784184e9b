import { BatchId, uuidOfBatchId } from "@valify/contracts";

import type { Stack } from "../support/stack.ts";

/** Wake-ups pending in the scheduler. */
export function dueRows(stack: Stack): Promise<number> {
  return countRows(stack, "scheduling.due");
}

/** Requests recorded by the dispatcher. */
export function attemptRows(stack: Stack): Promise<number> {
  return countRows(stack, "delivery.attempts");
}

/**
 * Deliveries of a batch that are on record as delivered, each by the statement that keeps its
 * attempt. Along `deliveries_of_batch`: to count all attempts takes as long as a hundred webhooks
 * after ten bursts, and longer after each.
 */
export async function deliveredRows({ db }: Stack, batchId: string): Promise<number> {
  const { rows } = await db.query<{ count: string }>(
    "select count(*) from delivery.deliveries where batch_id = $1 and state = 'delivered'",
    [uuidOfBatchId(BatchId.parse(batchId))],
  );
  return Number(rows[0]?.count);
}

async function countRows({ db }: Stack, table: string): Promise<number> {
  const { rows } = await db.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(rows[0]?.count);
}
