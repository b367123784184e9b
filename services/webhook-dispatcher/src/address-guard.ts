import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

import { ConfigError } from "@valify/runtime";

/** The request must not leave: the endpoint leads to an address that is not public. */
export class AddressRefusedError extends Error {
  override readonly name = "AddressRefusedError";
  readonly code = "ADDRESS_REFUSED";
}

export interface AddressGuard {
  allows(address: string): boolean;
  /** Refuses an address written into the URL itself, which a lookup would never see. */
  checkUrl(url: URL): void;
  /** For `connect.lookup`: one answer that is refused refuses them all. */
  readonly lookup: LookupFunction;
}

/** Private, loopback, link-local, carrier-grade, documentation, multicast, cloud metadata. */
const BLOCKED_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
const BLOCKED_IPV6 = [
  "::/128",
  "::1/128",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "5f00::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** `allowedCidrs` are exceptions, for a receiver inside. Throws ConfigError for a malformed one. */
export function createAddressGuard(allowedCidrs: readonly string[]): AddressGuard {
  const blocked = blockListOf([...BLOCKED_IPV4, ...BLOCKED_IPV6]);
  const allowed = blockListOf(allowedCidrs);

  function allows(address: string): boolean {
    // Linux reports an IPv4 peer of a dual-stack socket in its mapped form.
    const plain = MAPPED_IPV4.exec(address)?.[1] ?? address;
    const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
    return isIP(plain) !== 0 && (allowed.check(plain, family) || !blocked.check(plain, family));
  }

  return {
    allows,
    checkUrl(url) {
      // WHATWG parsing has already turned 127.1 and 0x7f000001 into dotted form.
      const host = url.hostname.replace(/^\[|\]$/g, "");
      if (isIP(host) !== 0 && !allows(host)) throw new AddressRefusedError("refused address");
    },
    lookup(hostname, options, callback) {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        const [first] = addresses ?? [];
        if (error !== null || first === undefined) {
          callback(error ?? new Error("no address"), "", 0);
        } else if (!addresses.every(({ address }) => allows(address))) {
          callback(new AddressRefusedError("refused address"), "", 0);
        } else if (options.all === true) {
          callback(null, addresses);
        } else {
          callback(null, first.address, first.family);
        }
      });
    },
  };
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = "", prefix = ""] = cidr.split("/");
    const family = isIP(network);
    if (family === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 6 ? 128 : 32)) {
      throw new ConfigError("WEBHOOK_ALLOWED_CIDRS must list networks such as 127.0.0.0/8");
    }
    list.addSubnet(network, Number(prefix), family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
