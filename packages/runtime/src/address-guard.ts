import type { LookupAddress, LookupAllOptions } from "node:dns";
import { lookup as resolveBySystem } from "node:dns/promises";
import { isIP, type LookupFunction, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { callbackify } from "node:util";

import { createAddressList } from "./address-list.ts";

/** The request must not leave: its URL leads to an address that is not public. */
export class AddressRefusedError extends Error {
  override readonly name = "AddressRefusedError";
  readonly code = "ADDRESS_REFUSED";
}

export interface AddressGuardOptions {
  /** Networks that may be called although they are not public; none unless told. */
  readonly allowedCidrs?: readonly string[];
  /** Whether a receiver may do without TLS; no unless told. */
  readonly allowHttp?: boolean;
  /** The system's resolver unless told; tests play a name server with it. */
  readonly resolve?: (hostname: string, options: LookupAllOptions) => Promise<LookupAddress[]>;
}

/**
 * The one guard of every request that leaves for an address which a customer chose: asked when the
 * address is stored (`inspect`), before a request (`checkUrl`), for every answer of DNS (`lookup`)
 * and for the socket that was opened in the end (`checkSocket`). A name may point elsewhere a moment
 * later, so only the last two count; the others tell earlier.
 */
export interface AddressGuard {
  allows(address: string): boolean;
  /** Throws for a refused protocol, user information, or an address written into the URL. */
  checkUrl(url: URL): void;
  /** The same, and every address its name has now. A name without an answer may get one later. */
  inspect(url: URL): Promise<"allowed" | "refused">;
  /** For `connect.lookup`: one answer that is refused refuses them all. */
  readonly lookup: LookupFunction;
  /** Throws unless the other end of an open socket may be called. */
  checkSocket(socket: Pick<Socket, "remoteAddress">): void;
}

/** How long somebody who stores an address waits for its name server. */
const INSPECT_TIMEOUT_MS = 2_000;

export function createAddressGuard(options: AddressGuardOptions): AddressGuard {
  const allows = createAddressList(options.allowedCidrs ?? []);
  const resolve = options.resolve ?? resolveBySystem;
  const lookUpAll = callbackify<string, LookupAllOptions, LookupAddress[]>(resolve);

  function checkUrl(url: URL): void {
    const isTls = url.protocol === "https:";
    if (!isTls && !(url.protocol === "http:" && options.allowHttp === true)) {
      throw new AddressRefusedError("refused protocol");
    }
    // `https://good.example@127.0.0.1/` is read as good.example by people and as 127.0.0.1 by us.
    if (url.username !== "" || url.password !== "") {
      throw new AddressRefusedError("refused user information");
    }
    // A lookup never sees a literal. Parsing the URL has turned 127.1 and 0x7f000001 into dots.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !allows(host)) throw new AddressRefusedError("refused address");
  }

  return {
    allows,
    checkUrl,
    async inspect(url) {
      try {
        checkUrl(url);
      } catch {
        return "refused";
      }
      const addresses = await Promise.race([
        resolve(url.hostname, { all: true }).catch(() => []),
        pause(INSPECT_TIMEOUT_MS, [], { ref: false }),
      ]);
      return addresses.every(({ address }) => allows(address)) ? "allowed" : "refused";
    },
    lookup(hostname, { all, ...rest }, callback) {
      lookUpAll(hostname, { ...rest, all: true }, (error, addresses) => {
        const [first] = addresses ?? [];
        if (error !== null) {
          callback(error, "", 0);
        } else if (first === undefined) {
          callback(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "", 0);
        } else if (!addresses.every(({ address }) => allows(address))) {
          callback(new AddressRefusedError("refused address"), "", 0);
        } else if (all === true) {
          callback(null, addresses);
        } else {
          callback(null, first.address, first.family);
        }
      });
    },
    checkSocket({ remoteAddress }) {
      // Whatever DNS said, this is where the bytes would go.
      if (remoteAddress === undefined || !allows(remoteAddress)) {
        throw new AddressRefusedError("refused address");
      }
    },
  };
}
