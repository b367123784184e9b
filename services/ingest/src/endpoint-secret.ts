import { generateKeyPairSync, randomBytes } from "node:crypto";

import type { SignatureScheme } from "@valify/contracts/api";

export interface NewSecret {
  /** `whsec_…` or `whsk_…`: what we sign with. */
  readonly signingSecret: string;
  /** `whpk_…`, which is all that the receiver of a `v1a` signature needs; null for `v1`. */
  readonly publicKey: string | null;
}

const SECRET_BYTES = 32;
/** Both encodings of an ed25519 key end in its 32 bytes. */
const ED25519_BYTES = 32;

/** A fresh secret in the form of Standard Webhooks. */
export function createEndpointSecret(scheme: SignatureScheme): NewSecret {
  if (scheme === "v1") {
    const signingSecret = `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
    return { signingSecret, publicKey: null };
  }
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-ED25519_BYTES);
  const shared = publicKey.export({ format: "der", type: "spki" }).subarray(-ED25519_BYTES);
  return {
    signingSecret: `whsk_${Buffer.concat([seed, shared]).toString("base64")}`,
    publicKey: `whpk_${shared.toString("base64")}`,
  };
}
