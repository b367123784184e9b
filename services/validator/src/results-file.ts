import { createResultsWriter, type LeadFile } from "@valify/lead-file";

import type { Batch } from "./domain/batch.ts";
import type { LeadRecord } from "./domain/lead-record.ts";

export interface ResultsFile {
  /** Rows in file order: each chunk's lines are made while the chunk is at hand. */
  add(leads: readonly LeadRecord[]): void;
  bytes(): Uint8Array;
}

/** The results CSV of a batch: the uploader's own cells, then the verdict. */
export function createResultsFile(file: LeadFile): ResultsFile {
  const writer = createResultsWriter(file);
  const parts = [writer.header()];
  return {
    add(leads) {
      const entries = leads.flatMap((verdict) => {
        const row = file.rows[verdict.rowNumber - 1];
        return row === undefined ? [] : [{ row, verdict }];
      });
      parts.push(writer.rows(entries));
    },
    bytes: () => Buffer.from(parts.join("")),
  };
}

/** Ids alone: a key shows up in logs and addresses. */
export function resultsKeyOf({ tenantId, batchUuid }: Pick<Batch, "tenantId" | "batchUuid">) {
  return `results/${tenantId}/${batchUuid}.csv`;
}
