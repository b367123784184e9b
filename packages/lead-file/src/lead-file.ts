import type { Encoding } from "./decode.ts";
import type { FileProblem, FileWarning } from "./file-problem.ts";

export interface LeadFileLimits {
  /** Most data rows a file may hold; one more and the whole file is refused, never cut. */
  readonly maxRows: number;
}

/** Column index (from 0) of each field of a lead. */
export interface HeaderMap {
  readonly first_name: number;
  readonly last_name: number;
  readonly dob: number;
}

export type LeadField = keyof HeaderMap;

/** How the file was read. Recorded with the batch, so that it can be shown and compared. */
export interface Dialect {
  readonly encoding: Encoding;
  readonly delimiter: string;
  readonly header: HeaderMap;
}

export const ROW_PROBLEM_CODES = [
  "ROW_QUOTE_MALFORMED",
  "ROW_EMBEDDED_NEWLINE",
  "ROW_TOO_FEW_CELLS",
  "ROW_TOO_MANY_CELLS",
  "ROW_TOO_LARGE",
  "ROW_REPEATED_HEADER",
  "ROW_TEMPLATE_SAMPLE",
  "ROW_CONTROL_CHAR",
] as const;
export type RowProblemCode = (typeof ROW_PROBLEM_CODES)[number];

/** Why a row cannot be read as a lead. Such a row is skipped, and counted. */
export interface RowProblem {
  readonly code: RowProblemCode;
  readonly message: string;
}

export interface FileRow {
  /** Counts data rows that are not blank, from 1: the key of the row within its batch. */
  readonly rowNumber: number;
  /** First physical line of the row, from 1, as an editor shows it. */
  readonly lineNumber: number;
  /** As typed, not trimmed. Of a row that cannot be split properly, a rough split of its line. */
  readonly cells: readonly string[];
  readonly problem: RowProblem | null;
}

export interface LeadFile {
  readonly dialect: Dialect;
  /** Header cells as typed. */
  readonly columns: readonly string[];
  readonly warnings: readonly FileWarning[];
  readonly rows: readonly FileRow[];
}

export type LeadFileReading =
  | { readonly kind: "accepted"; readonly file: LeadFile }
  | { readonly kind: "refused"; readonly problem: FileProblem };
