import { BlockList, isIP } from "node:net";

import { ConfigError } from "./config.ts";

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
  // Unspecified, loopback, and the old form that wraps an IPv4 address without the ffff.
  "::/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001:db8::/32",
  // Teredo and 6to4 carry an IPv4 address inside.
  "2001::/32",
  "2002::/16",
  "3fff::/20",
  "5f00::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];
/** `::ffff:127.0.0.1` as Linux prints it, and `::ffff:7f00:1` as a URL does. */
const MAPPED_DOTTED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const MAPPED_HEX = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i;

/**
 * Whether an address may be called: it is public, or in one of `allowedCidrs`, the exceptions for a
 * receiver inside. Throws ConfigError for a malformed network. What is no address may not.
 */
export function createAddressList(allowedCidrs: readonly string[]): (address: string) => boolean {
  const blocked = blockListOf([...BLOCKED_IPV4, ...BLOCKED_IPV6]);
  const allowed = blockListOf(allowedCidrs);
  return (address) => {
    const plain = unmapped(address);
    const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
    return isIP(plain) !== 0 && (allowed.check(plain, family) || !blocked.check(plain, family));
  };
}

/** A mapped address is judged by the IPv4 address inside it. */
function unmapped(address: string): string {
  const dotted = MAPPED_DOTTED.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  const [, high, low] = MAPPED_HEX.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const bits = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return bits.flatMap((pair) => [pair >> 8, pair & 0xff]).join(".");
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
