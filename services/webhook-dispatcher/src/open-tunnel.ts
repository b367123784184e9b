import type { LookupAddress, LookupAllOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import { callbackify } from "node:util";

import { askProxy, NoProxyAnswerError } from "./ask-proxy.ts";
import { authorityOf, type ProxyAddress } from "./domain/proxy-address.ts";
import { judgeRefusal, type TunnelFailure } from "./domain/proxy-answer.ts";
import { createNameResolver, type Resolve } from "./name-resolver.ts";
import { createProxyPresence, type ProxyPresenceOptions } from "./proxy-presence.ts";
import { createSilenceLedger } from "./silence-ledger.ts";
import { TunnelFault } from "./tunnel-fault.ts";

export interface TunnelOptions extends Pick<ProxyPresenceOptions, "presenceTimeoutMs"> {
  readonly proxy: ProxyAddress;
  readonly onProxyFault?: (fault: TunnelFault) => void;
  /** A steady clock. */
  readonly now?: () => number;
}

export interface TunnelTarget {
  readonly addresses: readonly string[];
  readonly port: number;
  /** By the clock of `performance`. */
  readonly deadlineMs: number;
}

interface Refusal extends TunnelFailure {
  readonly message: string;
  readonly cause?: unknown;
}

/** Opens tunnels, and tells whose fault it is where none opens. */
export function createTunnels(options: TunnelOptions) {
  const { proxy, onProxyFault, now = () => performance.now() } = options;
  const receivers = createSilenceLedger(now);
  const lookup = lookupOf(createNameResolver());
  const presence = createProxyPresence({ ...options, now, lookup });

  /** Each address in turn, with its share of the time that is left. */
  async function tryAll({ addresses, port, deadlineMs }: TunnelTarget) {
    let refusal: Refusal = { blame: "target", code: "TARGET_REFUSED", message: "no address" };
    for (const [index, address] of addresses.entries()) {
      const timeoutMs = (deadlineMs - performance.now()) / (addresses.length - index);
      const target = authorityOf(address, port);
      const ask = { method: "CONNECT", target, timeoutMs, lookup } as const;
      const answer = await askProxy(proxy, ask).catch(refusalOfSilence);
      if ("blame" in answer) refusal = answer;
      else if (isOpen(answer.statusCode)) return { tunnel: answer.socket, address };
      else {
        answer.socket.destroy();
        const message = `the proxy answered ${answer.statusCode}`;
        refusal = { ...judgeRefusal(answer.statusCode, answer.proxyStatus), message };
      }
      if (refusal.blame === "ours") break;
    }
    return refusal;
  }

  function faultOf(receiver: string, { blame, code, message, cause }: Refusal): TunnelFault {
    if (blame === "target") receivers.forget(receiver);
    const isTheirs =
      blame === "target" || (blame === "unclear" && receivers.blame(receiver) === "theirs");
    if (isTheirs) return new TunnelFault(code, message, cause);
    const fault = new TunnelFault("PROXY_UNAVAILABLE", message, cause);
    onProxyFault?.(fault);
    return fault;
  }

  return {
    /** `receiver`: whom the addresses are of. */
    async open(receiver: string, target: TunnelTarget) {
      const result = await tryAll(target);
      if ("blame" in result) throw faultOf(receiver, result);
      receivers.answered(receiver);
      presence.noteTunnel();
      return result;
    },
    isProxyThere: () => presence.isThere(),
  };
}

const isOpen = (statusCode: number) => statusCode >= 200 && statusCode < 300;

/** A proxy that was reached and says nothing may be waiting for the receiver. */
function refusalOfSilence(error: unknown): Refusal {
  const stage = error instanceof NoProxyAnswerError ? error.stage : "broken";
  return {
    blame: stage === "unreached" ? "ours" : "unclear",
    code: stage === "silent" ? "TARGET_SILENT" : "TARGET_REFUSED",
    message: `the proxy was ${stage}`,
    cause: error,
  };
}

/** Of its own, since finding the proxy says nothing about how well the names of others resolve. */
function lookupOf(resolve: Resolve): LookupFunction {
  const lookUpAll = callbackify<string, LookupAllOptions, LookupAddress[]>(resolve);
  return (hostname, { all, ...how }, callback) => {
    lookUpAll(hostname, { ...how, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) callback(error, "", 0);
      else if (all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
