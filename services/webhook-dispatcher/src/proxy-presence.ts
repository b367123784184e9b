import type { LookupFunction } from "node:net";

import { askProxy, NoProxyAnswerError } from "./ask-proxy.ts";
import type { ProxyAddress } from "./domain/proxy-address.ts";
import { createSilenceLedger } from "./silence-ledger.ts";
import { TunnelFault } from "./tunnel-fault.ts";

export interface ProxyPresenceOptions {
  readonly proxy: ProxyAddress;
  readonly lookup: LookupFunction;
  readonly onProxyFault?: (fault: TunnelFault) => void;
  /** A steady clock. */
  readonly now: () => number;
  /** Default {@link TIMEOUT_MS}. */
  readonly presenceTimeoutMs?: number;
}

/** A proxy on the local network that needs longer to say anything is not well. */
const TIMEOUT_MS = 2_000;
/** What it is asked for, to tell a proxy that answers some of it from one that answers nothing. */
const PRESENCE = "presence";
const TUNNEL = "tunnel";

/** Whether the proxy is there, asked where a tunnel broke off or nothing came through it. */
export function createProxyPresence(options: ProxyPresenceOptions) {
  const { proxy, lookup, onProxyFault, now, presenceTimeoutMs: timeoutMs = TIMEOUT_MS } = options;
  const questions = createSilenceLedger(now);
  let asking: Promise<boolean> | undefined;

  async function ask(): Promise<boolean> {
    const question = { method: "OPTIONS", target: "*", timeoutMs, lookup } as const;
    try {
      (await askProxy(proxy, question)).socket.destroy();
      questions.forget(PRESENCE);
      return true;
    } catch (error) {
      const stage = error instanceof NoProxyAnswerError ? error.stage : "broken";
      // One that takes the question for none of its business and hangs up is there as well, and so is
      // one that never answers it and goes on opening tunnels.
      if (stage === "broken") return true;
      if (stage === "silent" && questions.blame(PRESENCE) === "theirs") return true;
      onProxyFault?.(new TunnelFault("PROXY_UNAVAILABLE", "the proxy does not answer", error));
      return false;
    }
  }

  return {
    noteTunnel: () => questions.answered(TUNNEL),
    /** Asked once for all who want to know at a time. */
    isThere(): Promise<boolean> {
      asking ??= ask().finally(() => (asking = undefined));
      return asking;
    },
  };
}
