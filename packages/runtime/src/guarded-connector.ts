import { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";

import { buildConnector } from "undici";

import type { AddressGuard } from "./address-guard.ts";

export interface ConnectorOptions {
  readonly timeoutMs: number;
  /** A client certificate and its key, for a receiver that asks for one. */
  readonly identity?: Pick<SecureContextOptions, "cert" | "key">;
  /** Told of each socket that begins to connect. */
  readonly onConnecting?: (socket: Socket) => void;
}

/**
 * For `connect` of an undici agent: every answer of DNS and the opened socket pass the guard before
 * a byte of the request is written. HTTP/1.1 alone, since the bounds on an answer are its.
 */
export function createGuardedConnector(guard: AddressGuard, options: ConnectorOptions) {
  const connect = buildConnector({
    ...options.identity,
    timeout: options.timeoutMs,
    lookup: guard.lookup,
    allowH2: false,
  });
  return function connectGuarded(
    target: buildConnector.Options,
    callback: buildConnector.Callback,
  ): void {
    const opening: unknown = connect(target, (...result) => {
      const [error, socket] = result;
      try {
        if (error === null) guard.checkSocket(socket);
      } catch (refusal) {
        socket?.destroy();
        callback(refusal instanceof Error ? refusal : new Error("refused"), null);
        return;
      }
      callback(...result);
    });
    if (opening instanceof Socket) options.onConnecting?.(opening);
  };
}
