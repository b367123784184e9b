import { type AddressGuard, createGuardedConnector } from "@valify/runtime";
import type { buildConnector } from "undici";

import { watchConnecting } from "./connection-timings.ts";
import { type FailureClass, outcomeOfError } from "./domain/attempt-outcome.ts";
import type { ClientIdentity } from "./endpoint-secrets.ts";

/** How requests leave: straight, or through a proxy. */
export interface Egress {
  connectorFor(identity: ClientIdentity | null): buildConnector.connector;
  /** The class of a request that got no complete answer, and so whose fault that is. */
  outcomeOf(error: unknown): FailureClass | Promise<FailureClass>;
}

export function createDirectEgress(guard: AddressGuard, connectTimeoutMs: number): Egress {
  return {
    connectorFor: (identity) =>
      createGuardedConnector(guard, {
        timeoutMs: connectTimeoutMs,
        onConnecting: (socket) => watchConnecting(socket, () => performance.now()),
        ...(identity && { identity: { cert: identity.certificate, key: identity.key } }),
      }),
    outcomeOf: outcomeOfError,
  };
}
