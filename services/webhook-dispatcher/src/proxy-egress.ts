import { isIP, Socket } from "node:net";
import { callbackify } from "node:util";

import type { AddressGuard } from "@valify/runtime";
import { buildConnector, errors } from "undici";

import { startTimings } from "./connection-timings.ts";
import { type FailureClass, outcomeOfError } from "./domain/attempt-outcome.ts";
import type { ProxyAddress } from "./domain/proxy-address.ts";
import type { Egress } from "./egress.ts";
import { judgedAddresses } from "./judged-addresses.ts";
import { createTunnels } from "./open-tunnel.ts";
import { noteRemoteAddress } from "./remote-address.ts";
import type { TunnelFault } from "./tunnel-fault.ts";

export interface ProxyEgressOptions {
  readonly proxy: ProxyAddress;
  readonly guard: AddressGuard;
  readonly connectTimeoutMs: number;
  readonly onProxyFault?: (fault: TunnelFault) => void;
  /** A steady clock, for whose fault a silence is. */
  readonly now?: () => number;
}

const KEEP_ALIVE_PROBE_MS = 60_000;
/** What a proxy that has just died, or hangs, does to a request that was on its way. */
const MAYBE_THE_PROXY: ReadonlySet<FailureClass> = new Set([
  "reset",
  "timeout_response",
  "timeout_connect",
]);

/**
 * Every connection is a tunnel through the operator's proxy to an address that we have judged: the
 * proxy is never told a name, so it reaches nothing else. TLS to the receiver runs inside.
 */
export function createProxyEgress(options: ProxyEgressOptions): Egress {
  const { guard, connectTimeoutMs } = options;
  const tunnels = createTunnels(options);

  async function open(target: buildConnector.Options, secure: buildConnector.connector) {
    const timings = startTimings(() => performance.now());
    const deadlineMs = performance.now() + connectTimeoutMs;
    try {
      const addresses = await judgedAddresses(guard, target.hostname);
      if (isIP(target.hostname) === 0) timings.ended("dnsMs");
      const port = Number(target.port) || (target.protocol === "https:" ? 443 : 80);
      const { tunnel, address } = await tunnels.open(target.host ?? target.hostname, {
        addresses,
        port,
        deadlineMs,
      });
      timings.ended("connectMs");
      const socket = await dress(tunnel, target, secure, deadlineMs);
      if (socket !== tunnel) timings.ended("tlsMs");
      noteRemoteAddress(socket, address);
      timings.keepFor(socket);
      return socket;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error("no tunnel", { cause: error });
      timings.keepFor(failure);
      throw failure;
    }
  }

  const openFor = callbackify(open);

  return {
    connectorFor(identity) {
      const secure = buildConnector({
        ...(identity && { cert: identity.certificate, key: identity.key }),
        timeout: connectTimeoutMs,
        allowH2: false,
      });
      return (target, callback) => {
        openFor(target, secure, (error, socket) => {
          if (error === null) callback(null, socket);
          else callback(error, null);
        });
      };
    },
    async outcomeOf(error) {
      const outcome = outcomeOfError(error);
      // The other end of a tunnel may be gone, or the tunnel: ask the proxy whether it is there.
      if (!MAYBE_THE_PROXY.has(outcome) || (await tunnels.isProxyThere())) return outcome;
      return "internal";
    },
  };
}

/** With TLS inside where the receiver has it. */
async function dress(
  tunnel: Socket,
  target: buildConnector.Options,
  secure: buildConnector.connector,
  deadlineMs: number,
): Promise<Socket> {
  if (target.protocol !== "https:") {
    return tunnel.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
  }
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const opening: unknown = secure({ ...target, httpSocket: tunnel }, (...[error, socket]) => {
    if (error === null) resolve(socket);
    else reject(error);
  });
  const timer = setTimeout(() => {
    const tooLate = new errors.ConnectTimeoutError("no TLS within the time to connect");
    if (opening instanceof Socket) opening.destroy(tooLate);
  }, deadlineMs - performance.now());
  try {
    return await promise;
  } catch (error) {
    tunnel.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
