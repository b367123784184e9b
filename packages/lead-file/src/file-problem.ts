/** Why a whole file is refused. Stable: clients and tests match on it, never on the message. */
export type FileProblemCode =
  | "FILE_EMPTY"
  | "FILE_NO_ROWS"
  | "FILE_TOO_MANY_ROWS"
  | "FILE_ENCODING_UNKNOWN"
  | "FILE_BINARY"
  | "FILE_TYPE_XLSX"
  | "FILE_TYPE_XLS"
  | "FILE_TYPE_ODS"
  | "FILE_TYPE_ZIP"
  | "FILE_TYPE_GZIP"
  | "FILE_TYPE_PDF"
  | "FILE_TYPE_HTML"
  | "FILE_TYPE_JSON"
  | "FILE_TYPE_UNSUPPORTED"
  | "HEADER_MISSING"
  | "HEADER_COLUMN_MISSING"
  | "HEADER_FULL_NAME"
  | "HEADER_DUPLICATE"
  | "HEADER_TOO_MANY_COLUMNS";

/** A refusal of the whole file: nothing of it is stored or queued. */
export interface FileProblem {
  readonly code: FileProblemCode;
  readonly httpStatus: 413 | 415 | 422;
  /** For the uploader's eyes: it may quote the file's first row, so it never goes into a log. */
  readonly message: string;
}

/** Something the uploader should know about an accepted file. */
export interface FileWarning {
  readonly code: string;
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
