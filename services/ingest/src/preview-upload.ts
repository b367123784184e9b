import type { UploadPreview } from "@valify/contracts/api";
import type { LeadField, LeadFile } from "@valify/lead-file";

import type { FileJudgement, JudgedRow } from "./judge-file.ts";

/** The answer to a dry run. */
export function previewOf(
  upload: { readonly filename: string; readonly duplicateOf: string | null },
  file: LeadFile,
  judgement: FileJudgement,
): UploadPreview {
  const { dialect, columns, warnings, rows } = file;
  const mapped = (field: LeadField) => {
    const index = dialect.header[field];
    return { column: index + 1, header: columns[index] ?? "" };
  };
  return {
    dry_run: true,
    filename: upload.filename,
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
    duplicate_of: upload.duplicateOf,
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
