import { isIP } from "node:net";

import type { AddressGuard } from "@valify/runtime";

/** Of a receiver with more, whoever tries these and reaches none would reach none of the rest. */
const ADDRESSES_MAX = 4;

/**
 * The addresses of a receiver, each of them judged by the guard; rejects if one is refused. A name
 * with both families has one of each in front: a network may lack one of them.
 */
export async function judgedAddresses(
  guard: AddressGuard,
  hostname: string,
): Promise<readonly string[]> {
  if (isIP(hostname) !== 0) {
    guard.checkSocket({ remoteAddress: hostname });
    return [hostname];
  }
  const addresses = await lookUp(guard, hostname);
  const [first] = addresses;
  const other = addresses.find((address) => isIP(address) !== isIP(first ?? ""));
  const inOrder = new Set([first, other, ...addresses].filter((address) => address !== undefined));
  return [...inOrder].slice(0, ADDRESSES_MAX);
}

function lookUp(guard: AddressGuard, hostname: string): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  guard.lookup(hostname, { all: true }, (error, addresses) => {
    if (error !== null) reject(error);
    else if (typeof addresses === "string") resolve([addresses]);
    else resolve(addresses.map(({ address }) => address));
  });
  return promise;
}
