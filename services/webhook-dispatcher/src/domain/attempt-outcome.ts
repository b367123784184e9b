/** Why an attempt failed. Stable: status pages, events, metrics and alerts use them. */
export type FailureClass =
  | "dns"
  | "connect_refused"
  | "reset"
  | "tls"
  | "timeout_connect"
  | "timeout_response"
  | "http_3xx"
  | "http_4xx"
  | "http_5xx"
  | "ssrf_blocked"
  /** Our own fault: no request left. Nobody but us is told, and it costs no attempt. */
  | "internal";

export type AttemptOutcome = "delivered" | FailureClass;

/** A redirect is a failure: following it would carry personal data to somebody else. */
export function outcomeOfStatus(statusCode: number): AttemptOutcome {
  if (statusCode >= 200 && statusCode < 300) return "delivered";
  if (statusCode >= 300 && statusCode < 400) return "http_3xx";
  return statusCode >= 400 && statusCode < 500 ? "http_4xx" : "http_5xx";
}

const CLASS_OF_CODE: Readonly<Record<string, FailureClass>> = {
  ADDRESS_REFUSED: "ssrf_blocked",
  ENOTFOUND: "dns",
  // Silence about this name alone; that of our resolver has a code of its own, see silence-blame.ts.
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  ENODATA: "dns",
  ECONNREFUSED: "connect_refused",
  EHOSTUNREACH: "connect_refused",
  ENETUNREACH: "connect_refused",
  UND_ERR_CONNECT_TIMEOUT: "timeout_connect",
  // Through a proxy that is not to blame for it, see domain/proxy-answer.ts.
  TARGET_REFUSED: "connect_refused",
  TARGET_SILENT: "timeout_connect",
  ETIMEDOUT: "timeout_connect",
  UND_ERR_HEADERS_TIMEOUT: "timeout_response",
  UND_ERR_BODY_TIMEOUT: "timeout_response",
};
/** We ran out of something, or asked our own client for nonsense. */
const OUR_CODE =
  /^(RESOLVER_UNAVAILABLE|PROXY_UNAVAILABLE|EAI_MEMORY|EAI_SYSTEM|EMFILE|ENFILE|ENOMEM|ENOBUFS|EADDRNOTAVAIL|EACCES|EPERM|UND_ERR_(CLOSED|DESTROYED|INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH))$/;
const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO|HOSTNAME_)/;

/** The class of a request that got no complete answer, by the error's code. */
export function outcomeOfError(error: unknown): FailureClass {
  if (!(error instanceof Error)) return "reset";
  // The deadline of the whole request aborts it.
  if (error.name === "TimeoutError" || error.name === "AbortError") return "timeout_response";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const known = CLASS_OF_CODE[code];
  if (known !== undefined) return known;
  if (OUR_CODE.test(code)) return "internal";
  if (TLS_CODE.test(code)) return "tls";
  // A bug, not a network: those carry a code.
  if (code === "" && error.cause === undefined && isBug(error)) return "internal";
  // What is left broke off in the middle: reset, closed, an answer that is no HTTP.
  return error.cause === undefined ? "reset" : outcomeOfError(error.cause);
}

function isBug(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}
