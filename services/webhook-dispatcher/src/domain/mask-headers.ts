export type Headers = Readonly<Record<string, string>>;

const MASK = "[masked]";

/** Ours, without a secret in them. A customer's own header may be a password under any name. */
const REQUEST_IN_CLEAR: ReadonlySet<string> = new Set([
  "content-type",
  "user-agent",
  "accept-encoding",
  "webhook-id",
  "webhook-timestamp",
]);
const RESPONSE_SECRET = /cookie|auth|token|secret|password|session|api-?key/i;

/** What the attempt log shows of a request: every name, and the values that are no secret. */
export function maskRequestHeaders(headers: Headers): Headers {
  const shown: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    shown[name] = REQUEST_IN_CLEAR.has(name) ? (headers[name] ?? "") : MASK;
  }
  return shown;
}

/** The same for an answer, where only a few headers are secrets. A repeated header is one line. */
export function maskResponseHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Headers {
  const shown: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const line = typeof value === "string" ? value : (value ?? []).join(", ");
    shown[name] = RESPONSE_SECRET.test(name) ? MASK : line;
  }
  return shown;
}
