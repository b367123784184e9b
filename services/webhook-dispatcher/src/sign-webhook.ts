import { createHmac, createPrivateKey, createSecretKey, type KeyObject, sign } from "node:crypto";

const HMAC_PREFIX = "whsec_";
const ED25519_PREFIX = "whsk_";
/** PKCS #8 around an ed25519 seed, which is all that Node wants to be told beside the seed. */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const ED25519_SEED_BYTES = 32;

/** What one secret signs with, and how the signature says so. */
export interface SigningKey {
  readonly version: "v1" | "v1a";
  readonly key: KeyObject;
}

/**
 * The key of a Standard Webhooks secret: the base64 behind `whsec_` for HMAC-SHA256, behind `whsk_`
 * for ed25519 (seed, then public key). A key object, since preparing raw bytes again for every
 * request takes four times as long as the signature itself.
 */
export function keyOfSecret(secret: string): SigningKey {
  if (secret.startsWith(ED25519_PREFIX)) {
    const bytes = Buffer.from(secret.slice(ED25519_PREFIX.length), "base64");
    const der = Buffer.concat([ED25519_PKCS8, bytes.subarray(0, ED25519_SEED_BYTES)]);
    return { version: "v1a", key: createPrivateKey({ key: der, format: "der", type: "pkcs8" }) };
  }
  const encoded = secret.startsWith(HMAC_PREFIX) ? secret.slice(HMAC_PREFIX.length) : secret;
  return { version: "v1", key: createSecretKey(encoded, "base64") };
}

/** The receiver sees one id on every attempt, free of personal data. `deliveryId`: a uuid. */
export function webhookIdOf(deliveryId: string): string {
  const id = deliveryId;
  return `msg_${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}${id.slice(19, 23)}${id.slice(24)}`;
}

/**
 * The `webhook-signature` of Standard Webhooks over id, time and the raw body, one for each key in
 * their order, separated by a space: during a rotation a receiver may hold either secret.
 */
export function signatureOf(
  keys: readonly SigningKey[],
  webhookId: string,
  timestampSeconds: number,
  body: Buffer,
): string {
  const signed = Buffer.concat([Buffer.from(`${webhookId}.${timestampSeconds}.`), body]);
  return keys.map((key) => signatureBy(key, signed)).join(" ");
}

function signatureBy({ version, key }: SigningKey, signed: Buffer): string {
  const signature =
    version === "v1a"
      ? sign(null, signed, key).toString("base64")
      : createHmac("sha256", key).update(signed).digest("base64");
  return `${version},${signature}`;
}
