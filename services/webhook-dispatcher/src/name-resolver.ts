import type { LookupAddress, LookupAllOptions } from "node:dns";
import { lookup as lookUpBySystem } from "node:dns/promises";

import { createSilenceLedger } from "./silence-ledger.ts";

export type Resolve = (hostname: string, options: LookupAllOptions) => Promise<LookupAddress[]>;

export interface NameResolverOptions {
  /** The system's unless told. */
  readonly lookUp?: Resolve;
  /** A steady clock. */
  readonly now?: () => number;
  /** Default {@link TIMEOUT_MS}. */
  readonly timeoutMs?: number;
}

/** No name server of ours answers: nobody else's fault, see domain/attempt-outcome.ts. */
class ResolverUnavailableError extends Error {
  override readonly name = "ResolverUnavailableError";
  readonly code = "RESOLVER_UNAVAILABLE";
}

/** Shorter than the connect timeout: that one is an endpoint's fault, a silent resolver is not. */
const TIMEOUT_MS = 4_000;
/** The name server gave no answer, or refused to. `ENOTFOUND` is an answer. */
const SILENCE = new Set(["EAI_AGAIN", "EAI_FAIL"]);

/**
 * Resolves names as the system does, each once at a time: the system looks up two at once, and a
 * herd of one name that nobody answers for would keep both. Blames silence on whom it belongs to.
 */
export function createNameResolver(options: NameResolverOptions = {}): Resolve {
  const { lookUp = lookUpBySystem, now = () => performance.now() } = options;
  const underWay = new Map<string, Promise<LookupAddress[]>>();
  const names = createSilenceLedger(now);

  function join(hostname: string, how: LookupAllOptions): Promise<LookupAddress[]> {
    const key = `${hostname} ${how.family ?? 0} ${how.hints ?? 0}`;
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const started = lookUp(hostname, how).finally(() => underWay.delete(key));
    underWay.set(key, started);
    return started;
  }

  function blame(hostname: string, error: unknown): unknown {
    if (!SILENCE.has(codeOf(error))) {
      names.forget(hostname);
      return error;
    }
    if (names.blame(hostname) === "theirs") return error;
    return new ResolverUnavailableError("no name server answers", { cause: error });
  }

  return async function resolve(hostname, how) {
    try {
      const addresses = await within(options.timeoutMs ?? TIMEOUT_MS, join(hostname, how));
      names.answered(hostname);
      return addresses;
    } catch (error) {
      throw blame(hostname, error);
    }
  };
}

/** As if the system had given up by then, which takes it from five seconds to a minute. */
async function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(Object.assign(new Error("no answer in time"), { code: "EAI_AGAIN" }));
  }, timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
