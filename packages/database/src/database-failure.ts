/** Class 08, shutdown of the server, too many connections. */
const SQL_STATES = /^(08...|57P0[123]|53300)$/;
const SOCKET_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);
/** What `pg` and its pool say without any code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/;

/**
 * Whether an error means that Postgres is away, not that a statement was wrong. Sockets of anybody
 * else look the same: callers of NATS and of the object store answer for theirs first.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code: unknown = "code" in error ? error.code : undefined;
  if (typeof code === "string") return SOCKET_CODES.has(code) || SQL_STATES.test(code);
  return MESSAGES.test(error.message);
}
