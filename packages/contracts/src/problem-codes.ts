/** What a code of a problem means to a caller. Codes are stable and never used again. */
interface ProblemMeaning {
  /** The HTTP status it comes with. */
  readonly status: number;
  readonly meaning: string;
}

/**
 * Every code that an HTTP answer can carry. The API's OpenAPI document lists them, and the type of
 * a failure is made of them, so that none can be answered without a line here.
 */
export const PROBLEM_CODES = {
  REQUEST_INVALID: problem(
    400,
    "A parameter, a header or the body does not have the documented form",
  ),
  CURSOR_INVALID: problem(400, "cursor is not a next_cursor of an earlier answer"),
  FORM_INVALID: problem(400, "The form is cut off, malformed or has too many parts"),
  FILE_MISSING: problem(400, "The form has no file in the field `file`"),
  FILE_NOT_SINGLE: problem(400, "The form has more than one file"),
  UPLOAD_OPTION_INVALID: problem(400, "An option of the upload does not have one of its values"),
  IDEMPOTENCY_KEY_INVALID: problem(
    400,
    "Idempotency-Key is not 1 to 255 printable ASCII characters",
  ),
  AUTH_REQUIRED: problem(401, "Neither an API key nor a session was sent"),
  AUTH_INVALID: problem(401, "The API key or the session is unknown, revoked or expired"),
  SIGN_IN_REFUSED: problem(401, "The address and the password do not belong together"),
  OIDC_REFUSED: problem(401, "The identity provider did not sign the person in"),
  CSRF_REFUSED: problem(403, "A browser's request with a session came from another site"),
  PERMISSION_MISSING: problem(403, "The role or the key does not have the permission of the route"),
  PASSWORD_WRONG: problem(403, "The present password is another"),
  OIDC_USER_UNKNOWN: problem(403, "The identity provider knows the person, no tenant does"),
  USER_REQUIRED: problem(403, "Only a person who signed in can do this, not an API key"),
  USER_NOT_FOUND: problem(404, "The tenant has no such user"),
  SESSION_NOT_FOUND: problem(404, "There is no such session, or it has ended"),
  API_KEY_NOT_FOUND: problem(404, "The tenant has no such API key"),
  TENANT_NOT_FOUND: problem(404, "There is no such tenant"),
  BATCH_NOT_FOUND: problem(404, "The tenant has no such batch"),
  ENDPOINT_NOT_FOUND: problem(404, "The tenant has no such endpoint"),
  DELIVERY_NOT_FOUND: problem(404, "The tenant has no such delivery"),
  LEAD_NOT_FOUND: problem(404, "The tenant has no such lead, or holds nothing of it any more"),
  ERASURE_NOT_FOUND: problem(404, "The tenant has no such erasure"),
  REPLAY_NOT_FOUND: problem(404, "The tenant has no such replay"),
  RESULTS_NOT_MADE: problem(404, "The batch ended before its results were written"),
  RESULTS_NO_ERRORS: problem(404, "Every row of the batch is valid: there is no file of errors"),
  ROUTE_NOT_FOUND: problem(404, "There is no such route"),
  IDEMPOTENCY_KEY_REUSED: problem(409, "The key belongs to another file or to other options"),
  FILE_DUPLICATE: problem(
    409,
    "The same bytes were uploaded before; the problem links to their batch",
  ),
  EMAIL_TAKEN: problem(409, "Somebody signs in with this address already"),
  LAST_ADMIN: problem(409, "The tenant would be left without an admin"),
  FILE_SAME_ROWS: problem(
    409,
    "The same leads were uploaded before in other bytes, and the rules refuse that",
  ),
  BATCH_NOT_CANCELLABLE: problem(409, "The batch has failed: nothing is left to cancel"),
  BATCH_CANCELLED: problem(409, "The batch was cancelled: nothing more is sent for it"),
  RESULTS_NOT_READY: problem(409, "The batch is still being validated"),
  DELIVERY_NOT_RESENDABLE: problem(
    409,
    "The delivery is being sent right now, was a test, its lead was erased, or its endpoint deleted",
  ),
  DELIVERY_NOT_CANCELLABLE: problem(409, "The delivery has ended: nothing is left to cancel"),
  ERASURE_MISMATCH: problem(409, "A row to be erased is another person's than the one named"),
  REPLAY_LIMIT_REACHED: problem(409, "As many replays as may run at once are running"),
  REPLAY_ENDED: problem(409, "The replay has ended: there is nothing left to cancel"),
  ENDPOINT_LIMIT_REACHED: problem(
    409,
    "The tenant has as many endpoints as one may have, or created too many under keys in a day",
  ),
  RESULTS_GONE: problem(410, "The results file is no longer kept"),
  RULE_PROFILE_CHANGED: problem(412, "The profile is not the one that If-Match names any more"),
  BODY_TOO_LARGE: problem(413, "The body is larger than the route takes"),
  FILE_TOO_LARGE: problem(413, "The file has more bytes than MAX_FILE_BYTES"),
  FILE_TOO_MANY_ROWS: problem(413, "The file has more leads than MAX_LEADS_PER_FILE"),
  STORED_BYTES_EXCEEDED: problem(413, "The tenant's uploads would take more room than it has"),
  CONTENT_TYPE_UNSUPPORTED: problem(
    415,
    "The body has a content type that the route does not read",
  ),
  CONTENT_ENCODING_UNSUPPORTED: problem(415, "The body is compressed"),
  FILE_BINARY: problem(415, "The file is not text"),
  FILE_TYPE_XLSX: problem(415, "The file is an Excel workbook"),
  FILE_TYPE_XLS: problem(415, "The file is an old Excel workbook"),
  FILE_TYPE_ODS: problem(415, "The file is an OpenDocument spreadsheet"),
  FILE_TYPE_ZIP: problem(415, "The file is a ZIP archive"),
  FILE_TYPE_GZIP: problem(415, "The file is compressed"),
  FILE_TYPE_PDF: problem(415, "The file is a PDF document"),
  FILE_TYPE_HTML: problem(415, "The file is HTML or XML"),
  FILE_TYPE_JSON: problem(415, "The file is JSON"),
  FILE_TYPE_UNSUPPORTED: problem(415, "The file is of a known type that is no CSV"),
  FILE_NOT_ALL_VALID: problem(422, "mode=all_or_nothing, and a row of the file is not valid"),
  FILE_EMPTY: problem(422, "The file has no bytes, or nothing but white space"),
  FILE_DOB_ORDER_SUSPECT: problem(
    422,
    "The dates look like mm/dd/yyyy, and the rules refuse such a file",
  ),
  FILE_NO_ROWS: problem(422, "The file has a header and no lead"),
  FILE_ENCODING_UNKNOWN: problem(422, "Bytes of the file cannot be read as text"),
  HEADER_MISSING: problem(422, "No row of the file's beginning is a header"),
  HEADER_COLUMN_MISSING: problem(422, "A required column is missing"),
  HEADER_FULL_NAME: problem(422, "First and last name share a column"),
  HEADER_DUPLICATE: problem(422, "Two columns mean the same field"),
  HEADER_TOO_MANY_COLUMNS: problem(422, "The file has more columns than are read"),
  IDEMPOTENCY_KEY_MISMATCH: problem(422, "The key belongs to a request with another body"),
  RULE_UNKNOWN: problem(422, "The profile names a rule that there is none of"),
  ENDPOINT_ADDRESS_REFUSED: problem(
    422,
    "The address is not https, holds user information, or leads to one that is not public",
  ),
  ENDPOINT_HEADER_REFUSED: problem(422, "A header of the endpoint is ours to set, or is none"),
  CLIENT_CERTIFICATE_INVALID: problem(
    422,
    "The client certificate and its key cannot be read, do not belong together, or have expired",
  ),
  RETRY_DELAYS_INVALID: problem(422, "A retry delay is no ISO 8601 duration of a day at most"),
  REPLAY_TOO_WIDE: problem(422, "Counting takes too long: narrow it by a batch or by time"),
  ROTATION_GRACE_INVALID: problem(422, "The grace is no ISO 8601 duration from PT0S to P7D"),
  RATE_LIMITED: problem(429, "Too many requests of this caller; Retry-After says how long to wait"),
  SIGN_IN_LIMITED: problem(429, "Too many attempts to sign in; Retry-After says how long to wait"),
  FILES_PER_DAY_EXCEEDED: problem(429, "The tenant has uploaded its number of files today"),
  LEADS_PER_MONTH_EXCEEDED: problem(429, "The tenant's leads of this month would be too many"),
  CONCURRENT_BATCHES_EXCEEDED: problem(429, "The tenant has its number of batches at work"),
  INTERNAL: problem(500, "A fault on our side, which is logged"),
  DATABASE_UNAVAILABLE: problem(503, "The database does not answer; nothing was changed"),
  OBJECT_STORE_UNAVAILABLE: problem(503, "The file storage does not answer; nothing was changed"),
  BROKER_UNAVAILABLE: problem(503, "The message broker does not answer; repeating is safe"),
  MEMORY_HIGH: problem(
    503,
    "This process is near its memory limit and takes no upload until it has room",
  ),
  UPLOADS_BUSY: problem(503, "Too many uploads at once; Retry-After says how long to wait"),
  OIDC_UNAVAILABLE: problem(503, "The identity provider does not answer"),
  SIGN_IN_BUSY: problem(503, "Too many people sign in at once; try again in a moment"),
  TOO_MANY_STREAMS: problem(503, "Too many live streams are open: ask /batch_status instead"),
} as const satisfies Readonly<Record<Uppercase<string>, ProblemMeaning>>;

export type ProblemCode = keyof typeof PROBLEM_CODES;

function problem(status: number, meaning: string): ProblemMeaning {
  return { status, meaning };
}
