/** Why a whole file is refused. Stable: clients and tests match on it, never on the message. */
export const FILE_PROBLEM_CODES = [
  "FILE_EMPTY",
  "FILE_NO_ROWS",
  "FILE_TOO_MANY_ROWS",
  "FILE_ENCODING_UNKNOWN",
  "FILE_BINARY",
  "FILE_TYPE_XLSX",
  "FILE_TYPE_XLS",
  "FILE_TYPE_ODS",
  "FILE_TYPE_ZIP",
  "FILE_TYPE_GZIP",
  "FILE_TYPE_PDF",
  "FILE_TYPE_HTML",
  "FILE_TYPE_JSON",
  "FILE_TYPE_UNSUPPORTED",
  "HEADER_MISSING",
  "HEADER_COLUMN_MISSING",
  "HEADER_FULL_NAME",
  "HEADER_DUPLICATE",
  "HEADER_TOO_MANY_COLUMNS",
] as const;
export type FileProblemCode = (typeof FILE_PROBLEM_CODES)[number];

/** A refusal of the whole file: nothing of it is stored or queued. */
export interface FileProblem {
  readonly code: FileProblemCode;
  readonly httpStatus: 413 | 415 | 422;
  /** For the uploader's eyes: it may quote the file's first row, so it never goes into a log. */
  readonly message: string;
}

/** What is remarked about a file that was read. */
export const FILE_WARNING_CODES = [
  "FILE_ENCODING_ASSUMED",
  "FILE_PREAMBLE_SKIPPED",
  "HEADER_COLUMN_IGNORED",
  "HEADER_BLANK",
  "FILE_QUOTES_REPAIRED",
  "FILE_DOB_ORDER_SUSPECT",
  "FILE_MIXED_NEWLINES",
  "ROW_BLANK",
] as const;

/** Something the uploader should know about an accepted file. */
export interface FileWarning {
  readonly code: (typeof FILE_WARNING_CODES)[number];
  readonly message: string;
}

const UNREADABLE_TYPE = 415;
const TOO_LARGE = 413;
const UNPROCESSABLE = 422;

/** Builds a refusal; the HTTP status follows from the code. */
export function fileProblem(code: FileProblemCode, message: string): FileProblem {
  return { code, httpStatus: httpStatusOf(code), message };
}

function httpStatusOf(code: FileProblemCode): FileProblem["httpStatus"] {
  if (code === "FILE_TOO_MANY_ROWS") return TOO_LARGE;
  if (code === "FILE_BINARY" || code.startsWith("FILE_TYPE_")) return UNREADABLE_TYPE;
  return UNPROCESSABLE;
}
