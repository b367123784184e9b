import { guardFormula } from "./formula.ts";
import type { RowVerdict } from "./judge-row.ts";
import type { FileRow, LeadFile } from "./lead-file.ts";

export interface ResultRow {
  readonly row: Pick<FileRow, "rowNumber" | "cells">;
  readonly verdict: Pick<RowVerdict, "status" | "leadId" | "errors" | "warnings">;
}

export interface ResultsWriter {
  /** Byte order mark (for Excel) and the header line. */
  readonly header: () => string;
  /** Lines for these rows, each with its CRLF: chunks may simply be joined. */
  readonly rows: (entries: readonly ResultRow[]) => string;
}

/** What we add behind the uploader's columns; read back, they are no news to anybody. */
export const RESULT_COLUMNS = [
  "row_number",
  "lead_id",
  "status",
  "error_codes",
  "error_messages",
  "warning_codes",
] as const;

const BYTE_ORDER_MARK = "\ufeff";
const NEEDS_QUOTES = /[",\r\n\t]|^\s|\s$/;

/**
 * Writes the results of a batch in chunks: the uploader's own columns that were read, in their
 * order, then the verdict. No cell can be run as a formula, and reading the file again gives the
 * same verdicts.
 */
export function createResultsWriter({
  columns,
  dialect,
}: Pick<LeadFile, "columns" | "dialect">): ResultsWriter {
  const mapped = Object.values(dialect.header).toSorted((a: number, b: number) => a - b);
  const names = mapped.map((index) => columns[index] ?? "");
  return {
    header: () => BYTE_ORDER_MARK + csvLine([...names, ...RESULT_COLUMNS]),
    rows: (entries) => entries.map((entry) => resultLine(entry, mapped)).join(""),
  };
}

function resultLine({ row, verdict }: ResultRow, mapped: readonly number[]): string {
  const { errors, warnings } = verdict;
  return csvLine([
    ...mapped.map((index) => row.cells[index] ?? ""),
    String(row.rowNumber),
    verdict.leadId,
    verdict.status,
    errors.map(({ code }) => code).join(";"),
    errors.map(({ message }) => message).join(" | "),
    warnings.map(({ code }) => code).join(";"),
  ]);
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: string): string {
  const text = guardFormula(cell);
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
