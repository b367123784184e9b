import { hash } from "node:crypto";

/** Ours, drawn once at random. A new one would give every lead and delivery a new identity. */
const NAMESPACE = Buffer.from("b1f5a6e0c2d94c7d8f3e6a0d5c4b7a91", "hex");
/** Filled anew by every call: the namespace, then the name. A longer name gets a buffer of its own. */
const input = Buffer.alloc(256);
NAMESPACE.copy(input);
const BYTES_PER_UNIT_MAX = 3;

/**
 * The UUID v5 of the parts, in order: the same parts always give the same uuid, on any machine.
 * The parts must not contain a space, which joins them.
 */
export function deterministicUuid(...parts: readonly (string | number)[]): string {
  // One call to the hash and no bytes in between: an object for each step would cost a file of
  // 10,000 leads 45 ms.
  const hex = hash("sha1", inputOf(parts.join(" ")), "hex");
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16); // RFC 9562
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function inputOf(name: string): Buffer {
  if (name.length * BYTES_PER_UNIT_MAX > input.length - NAMESPACE.length) {
    return Buffer.concat([NAMESPACE, Buffer.from(name)]);
  }
  return input.subarray(0, NAMESPACE.length + input.write(name, NAMESPACE.length));
}

/**
 * What we owe one endpoint for one lead, and so the `webhook-id`: the same for every attempt and
 * every replay, whoever works it out.
 */
export function deliveryIdOf(leadUuid: string, endpointId: string): string {
  return deterministicUuid("delivery", leadUuid, endpointId);
}
