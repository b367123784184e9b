import type { RowVerdict } from "@valify/lead-file";

/** One row of the file with its verdict, as it is stored, announced and written into the results. */
export interface LeadRecord extends RowVerdict {
  readonly leadUuid: string;
  readonly rowNumber: number;
  readonly lineNumber: number;
  /** ISO 8601 to the millisecond: the very text that is published, so that nothing is rounded. */
  readonly validatedAt: string;
  readonly webhookScheduledFor: string;
  /** Who it was is not kept, and nobody is told of it. */
  readonly isErased: boolean;
}

export interface RowCounts {
  readonly valid: number;
  readonly invalid: number;
  readonly skipped: number;
}

export const NO_ROWS: RowCounts = { valid: 0, invalid: 0, skipped: 0 };

export function countRows(leads: readonly Pick<LeadRecord, "status">[]): RowCounts {
  const counts = { ...NO_ROWS };
  for (const { status } of leads) counts[status] += 1;
  return counts;
}

export function addCounts(a: RowCounts, b: RowCounts): RowCounts {
  return {
    valid: a.valid + b.valid,
    invalid: a.invalid + b.invalid,
    skipped: a.skipped + b.skipped,
  };
}

export function totalOf({ valid, invalid, skipped }: RowCounts): number {
  return valid + invalid + skipped;
}
