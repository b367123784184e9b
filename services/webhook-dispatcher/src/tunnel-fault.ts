import type { TunnelFailure } from "./domain/proxy-answer.ts";

/** No way through the proxy. Its code is the class of the failure, see domain/attempt-outcome.ts. */
export class TunnelFault extends Error {
  override readonly name = "TunnelFault";
  readonly code: "PROXY_UNAVAILABLE" | TunnelFailure["code"];

  constructor(code: TunnelFault["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
