import type { Database } from "@valify/database";
import { eraseResultRows } from "@valify/lead-file";
import { type ObjectStore, readObject } from "@valify/runtime";
import type { Kysely } from "kysely";

import { hasLeads, type Tombstone } from "./erasure-queries.ts";
import { errorsKeyOf, resultsKeyOf } from "./results-file.ts";

export interface EraseResultsDeps {
  readonly db: Kysely<Database>;
  readonly objects: Pick<ObjectStore, "get" | "put" | "delete">;
  /** No results file has more bytes. */
  readonly bytesMax: number;
}

/**
 * Takes rows out of their batches' results and error files. In the results they stay as tombstones, so
 * that a row keeps its place; a file of rows to mend has no use for one that nobody may mend.
 */
export async function eraseResults(
  deps: EraseResultsDeps,
  tenantId: string,
  tombstones: readonly Tombstone[],
): Promise<void> {
  for (const [batchUuid, ofBatch] of Map.groupBy(tombstones, (row) => row.batchUuid)) {
    const owner = { tenantId, batchUuid };
    const rowNumbers = new Set(ofBatch.map(({ rowNumber }) => rowNumber));
    await rewrite(deps, resultsKeyOf(owner), (bytes) =>
      eraseResultRows(bytes, rowNumbers, "tombstones"),
    );
    await rewrite(deps, errorsKeyOf(owner), (bytes) =>
      eraseResultRows(bytes, rowNumbers, "nothing"),
    );
    // Their retention ended between our reading and our writing: nobody would delete them again.
    if (await hasLeads(deps.db, batchUuid)) continue;
    await deps.objects.delete(resultsKeyOf(owner));
    await deps.objects.delete(errorsKeyOf(owner));
  }
}

async function rewrite(
  { objects, bytesMax }: EraseResultsDeps,
  key: string,
  without: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const bytes = await readObject(objects, key, bytesMax);
  if (bytes !== undefined) await objects.put(key, without(bytes));
}
