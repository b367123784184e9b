import { BatchId, uuidOfBatchId } from "@valify/contracts";
import { z } from "zod";

/** Any text: an id of the wrong form names no batch, which is a 404 like any other. */
export const batchParams = z.object({ batch_id: z.string() });

/** The uuid behind a path's batch id, or undefined where it cannot be one. */
export function uuidOfParam(batchId: string): string | undefined {
  const parsed = BatchId.safeParse(batchId);
  return parsed.success ? uuidOfBatchId(parsed.data) : undefined;
}
