import { type LeadFile, readLeadFile } from "@valify/lead-file";
import { type ObjectStore, readObject } from "@valify/runtime";

import type { Batch } from "./domain/batch.ts";
import type { RunFailure } from "./run-queries.ts";

/** The same limits as ingest's, which accepted the file under them. */
export interface FileLimits {
  readonly bytesMax: number;
  readonly rowsMax: number;
}

export type BatchFileReading =
  | { readonly kind: "read"; readonly file: LeadFile }
  | { readonly kind: "refused"; readonly failure: RunFailure };

/**
 * Reads the uploaded file as ingest read it. Refused when it is not the file that ingest accepted;
 * then no attempt can succeed. A store that does not answer throws.
 */
export async function readBatchFile(
  objects: ObjectStore,
  batch: Pick<Batch, "objectKey" | "byteCount" | "totalLeads">,
  limits: FileLimits,
): Promise<BatchFileReading> {
  // A limit lowered since the upload must not fail a batch that was accepted.
  const bytesMax = Math.max(limits.bytesMax, batch.byteCount);
  const maxRows = Math.max(limits.rowsMax, batch.totalLeads);
  const bytes = await readObject(objects, batch.objectKey, bytesMax);
  if (bytes === undefined) {
    return refused("OBJECT_MISSING", "The uploaded file is no longer in the object store");
  }
  if (bytes.length !== batch.byteCount) {
    return refused("FILE_CHANGED", "The stored file has another size than the uploaded one");
  }
  const reading = readLeadFile(bytes, { maxRows });
  if (reading.kind === "refused") {
    // The code alone: the problem's message may quote the file.
    const { code } = reading.problem;
    return refused("FILE_CHANGED", `The stored file can no longer be read as leads (${code})`);
  }
  if (reading.file.rows.length !== batch.totalLeads) {
    return refused("FILE_CHANGED", "The stored file has another number of rows than was uploaded");
  }
  return { kind: "read", file: reading.file };
}

function refused(code: Uppercase<string>, message: string): BatchFileReading {
  return { kind: "refused", failure: { code, message } };
}
