import { createHmac, createSecretKey, type KeyObject } from "node:crypto";

const SECRET_PREFIX = "whsec_";

/**
 * The key of a Standard Webhooks secret: the base64 behind `whsec_`. A key object, since preparing
 * raw bytes again for every request takes four times as long as the signature itself.
 */
export function keyOfSecret(secret: string): KeyObject {
  const encoded = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  return createSecretKey(encoded, "base64");
}

/** The receiver sees one id on every attempt, free of personal data. `deliveryId`: a uuid. */
export function webhookIdOf(deliveryId: string): string {
  return `msg_${deliveryId.replaceAll("-", "")}`;
}

/** The `webhook-signature` of Standard Webhooks: HMAC-SHA256 over id, time and the raw body. */
export function signatureOf(
  key: KeyObject,
  webhookId: string,
  timestampSeconds: number,
  body: string,
): string {
  const hmac = createHmac("sha256", key).update(`${webhookId}.${timestampSeconds}.${body}`);
  return `v1,${hmac.digest("base64")}`;
}
