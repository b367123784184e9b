import type { LookupAddress, LookupAllOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import { callbackify } from "node:util";

import { askProxy, NoProxyAnswerError } from "./ask-proxy.ts";
import { authorityOf, type ProxyAddress } from "./domain/proxy-address.ts";
import { judgeRefusal, type TunnelFailure } from "./domain/proxy-answer.ts";
import { createNameResolver, type Resolve } from "./name-resolver.ts";
import { createSilenceLedger } from "./silence-ledger.ts";

/** No way through the proxy. Its code is the class of the failure, see domain/attempt-outcome.ts. */
export class TunnelFault extends Error {
  override readonly name = "TunnelFault";
  readonly code: "PROXY_UNAVAILABLE" | TunnelFailure["code"];

  constructor(code: TunnelFault["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface TunnelOptions {
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

/** A proxy on the local network that needs longer to say anything is not well. */
const PROBE_TIMEOUT_MS = 2_000;

/** Opens tunnels, and tells whose fault it is where none opens. */
export function createTunnels(options: TunnelOptions) {
  const { proxy, onProxyFault, now = () => performance.now() } = options;
  const receivers = createSilenceLedger(now);
  const lookup = lookupOf(createNameResolver());
  let probe: Promise<boolean> | undefined;

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

  async function askWhetherThere(): Promise<boolean> {
    const ask = { method: "OPTIONS", target: "*", timeoutMs: PROBE_TIMEOUT_MS, lookup } as const;
    try {
      (await askProxy(proxy, ask)).socket.destroy();
      return true;
    } catch (error) {
      // One that takes the question for none of its business and hangs up is there as well.
      if (error instanceof NoProxyAnswerError && error.stage === "broken") return true;
      onProxyFault?.(new TunnelFault("PROXY_UNAVAILABLE", "the proxy does not answer", error));
      return false;
    }
  }

  return {
    /** `receiver`: whom the addresses are of. */
    async open(receiver: string, target: TunnelTarget) {
      const result = await tryAll(target);
      if ("blame" in result) throw faultOf(receiver, result);
      receivers.answered(receiver);
      return result;
    },
    /** Asked once for all who want to know at a time. */
    isProxyThere(): Promise<boolean> {
      probe ??= askWhetherThere().finally(() => (probe = undefined));
      return probe;
    },
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
