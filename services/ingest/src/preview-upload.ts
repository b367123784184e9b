import type { UploadPreview } from "@valify/contracts/api";
import type { JudgedRow, LeadField, LeadFile } from "@valify/lead-file";

import type { FileJudgement } from "./judge-file.ts";
import type { Failure } from "./problem.ts";
import type { FileWarning } from "./upload-queries.ts";

export interface PreviewFacts {
  readonly filename: string;
  readonly duplicateOf: string | null;
  readonly warnings: readonly FileWarning[];
  readonly refusal: Failure | null;
}

/** The answer to a dry run. */
export function previewOf(
  { filename, duplicateOf, warnings, refusal }: PreviewFacts,
  file: LeadFile,
  judgement: FileJudgement,
): UploadPreview {
  const { dialect, columns, rows } = file;
  const mapped = (field: LeadField) => {
    const index = dialect.header[field];
    return { column: index + 1, header: columns[index] ?? "" };
  };
  return {
    dry_run: true,
    filename,
    encoding: dialect.encoding,
    delimiter: dialect.delimiter,
    mapping: {
      first_name: mapped("first_name"),
      last_name: mapped("last_name"),
      dob: mapped("dob"),
    },
    total_leads: rows.length,
    valid_leads: judgement.validCount,
    invalid_leads: judgement.invalidCount,
    skipped_rows: judgement.skippedCount,
    warnings: [...warnings],
    counts: [...judgement.counts],
    rows: judgement.firstRows.map(rowOf),
    duplicate_of: duplicateOf,
    refusal:
      refusal === null
        ? null
        : { status: refusal.status, code: refusal.code, detail: refusal.detail },
  };
}

function rowOf({ row, verdict }: JudgedRow): UploadPreview["rows"][number] {
  return {
    row: row.rowNumber,
    line: row.lineNumber,
    first_name: verdict.firstName,
    last_name: verdict.lastName,
    dob: verdict.dob,
    status: verdict.status,
    errors: [...verdict.errors],
    warnings: [...verdict.warnings],
  };
}
