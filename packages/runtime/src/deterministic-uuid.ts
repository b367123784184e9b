import { hash } from "node:crypto";

/** Ours, drawn once at random. A new one would give every lead and delivery a new identity. */
const NAMESPACE = Buffer.from("b1f5a6e0c2d94c7d8f3e6a0d5c4b7a91", "hex");

/**
 * The UUID v5 of the parts, in order: the same parts always give the same uuid, on any machine.
 * The parts must not contain a space, which joins them.
 */
export function deterministicUuid(...parts: readonly (string | number)[]): string {
  // One call: an object per uuid would cost a file of 10,000 leads 45 ms.
  const digest = hash("sha1", Buffer.concat([NAMESPACE, Buffer.from(parts.join(" "))]), "buffer");
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x50, 6); // version 5
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8); // RFC 9562 variant
  const hex = digest.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * What we owe one endpoint for one lead, and so the `webhook-id`: the same for every attempt and
 * every replay, whoever works it out.
 */
export function deliveryIdOf(leadUuid: string, endpointId: string): string {
  return deterministicUuid("delivery", leadUuid, endpointId);
}
