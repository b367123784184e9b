/** Why a proxy opened no way to a receiver. */
export interface TunnelFailure {
  /** `unclear`: it may be the proxy's or the receiver's; see domain/silence-blame.ts. */
  readonly blame: "ours" | "target" | "unclear";
  /** What it is called where it is the receiver's. */
  readonly code: "TARGET_REFUSED" | "TARGET_SILENT";
}

const PROXY_AUTHENTICATION_REQUIRED = 407;
const GATEWAY_TIMEOUT = 504;

/** What RFC 9209 lets a proxy say of itself, and of whom it was to reach. */
const FAILURE_OF_ERROR: Readonly<Record<string, TunnelFailure>> = {
  proxy_internal_error: { blame: "ours", code: "TARGET_REFUSED" },
  proxy_internal_response: { blame: "ours", code: "TARGET_REFUSED" },
  proxy_configuration_error: { blame: "ours", code: "TARGET_REFUSED" },
  proxy_loop_detected: { blame: "ours", code: "TARGET_REFUSED" },
  connection_limit_reached: { blame: "ours", code: "TARGET_REFUSED" },
  connection_refused: { blame: "target", code: "TARGET_REFUSED" },
  connection_terminated: { blame: "target", code: "TARGET_REFUSED" },
  destination_unavailable: { blame: "target", code: "TARGET_REFUSED" },
  connection_timeout: { blame: "target", code: "TARGET_SILENT" },
};
/** Of several proxies in a row, the one next to the receiver speaks first. */
const ERROR_IN_PROXY_STATUS = /;\s*error=([a-z_]+)/;

/**
 * What an answer other than 2xx to CONNECT means. Proxies answer 403, 500, 502, 503 and 504 for a
 * receiver that is down as well as for faults of their own; only 407 is certainly ours, and what the
 * proxy says in `Proxy-Status`.
 */
export function judgeRefusal(statusCode: number, proxyStatus: string): TunnelFailure {
  const [, error] = ERROR_IN_PROXY_STATUS.exec(proxyStatus) ?? [];
  const told = error === undefined ? undefined : FAILURE_OF_ERROR[error];
  if (told !== undefined) return told;
  if (statusCode === PROXY_AUTHENTICATION_REQUIRED) {
    return { blame: "ours", code: "TARGET_REFUSED" };
  }
  const code = statusCode === GATEWAY_TIMEOUT ? "TARGET_SILENT" : "TARGET_REFUSED";
  return { blame: "unclear", code };
}
