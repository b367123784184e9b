import { createResultsWriter, type LeadFile } from "@valify/lead-file";

import type { Batch } from "./domain/batch.ts";
import type { LeadRecord } from "./domain/lead-record.ts";

export interface ResultsFile {
  /** Rows in file order: each chunk's lines are made while the chunk is at hand. */
  add(leads: readonly LeadRecord[]): void;
  bytes(): Uint8Array;
  /** The refused rows alone, to be mended and uploaded again; undefined where there are none. */
  errorBytes(): Uint8Array | undefined;
}

/** The results CSV of a batch: the uploader's own cells, then the verdict. */
export function createResultsFile(file: LeadFile): ResultsFile {
  const writer = createResultsWriter(file);
  const parts = [writer.header()];
  const errorParts: string[] = [];
  const linesOf = (leads: readonly LeadRecord[]) =>
    writer.rows(
      leads.flatMap((verdict) => {
        const row = file.rows[verdict.rowNumber - 1];
        if (row === undefined) return [];
        return [{ row: verdict.isErased ? { ...row, cells: [] } : row, verdict }];
      }),
    );
  return {
    add(leads) {
      parts.push(linesOf(leads));
      // What was erased is nobody's to mend.
      const refused = leads.filter(({ status, isErased }) => status !== "valid" && !isErased);
      if (refused.length > 0) errorParts.push(linesOf(refused));
    },
    bytes: () => Buffer.from(parts.join("")),
    errorBytes: () =>
      errorParts.length === 0 ? undefined : Buffer.from([writer.header(), ...errorParts].join("")),
  };
}

type ObjectOwner = Pick<Batch, "tenantId" | "batchUuid">;

/** Ids alone: a key shows up in logs and addresses. */
export function resultsKeyOf({ tenantId, batchUuid }: ObjectOwner): string {
  return `results/${tenantId}/${batchUuid}.csv`;
}

export function errorsKeyOf({ tenantId, batchUuid }: ObjectOwner): string {
  return `errors/${tenantId}/${batchUuid}.csv`;
}
