import { BatchOptions, UploadQuery } from "@valify/contracts/api";

import type { Failure } from "./problem.ts";

export interface UploadOptions {
  /** Nothing is stored; the answer tells what an upload would lead to. */
  readonly isDryRun: boolean;
  /** What the batch keeps. */
  readonly batch: BatchOptions;
}

export type UploadOptionsReading =
  | { readonly kind: "options"; readonly options: UploadOptions }
  | { readonly kind: "refused"; readonly failure: Failure };

const NAMES = Object.keys(UploadQuery.shape);

/** Fields of the form go before the query. Other fields are somebody else's and are left alone. */
export function readUploadOptions(
  query: Readonly<Record<string, unknown>>,
  fields: ReadonlyMap<string, string>,
): UploadOptionsReading {
  const given = NAMES.flatMap((name) => {
    const value = fields.get(name) ?? query[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const reading = UploadQuery.safeParse(Object.fromEntries(given));
  if (reading.success) {
    const { dry_run: dryRun, ...batch } = reading.data;
    return {
      kind: "options",
      options: { isDryRun: dryRun === "true", batch: BatchOptions.parse(batch) },
    };
  }
  const detail = reading.error.issues
    .map(({ path, message }) => `${String(path[0])}: ${message}`)
    .join("; ");
  return { kind: "refused", failure: { status: 400, code: "UPLOAD_OPTION_INVALID", detail } };
}

/** A batch of before has options that were no options yet: their defaults. */
export function isSameBatchOptions(stored: object, wanted: BatchOptions): boolean {
  return JSON.stringify(BatchOptions.parse(stored)) === JSON.stringify(BatchOptions.parse(wanted));
}
