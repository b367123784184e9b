import { createHmac } from "node:crypto";

const SECRET_PREFIX = "whsec_";

/** The key of a Standard Webhooks secret: the base64 behind `whsec_`. */
export function keyOfSecret(secret: string): Buffer {
  const encoded = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  return Buffer.from(encoded, "base64");
}

/** The receiver sees one id on every attempt, free of personal data. `deliveryId`: a uuid. */
export function webhookIdOf(deliveryId: string): string {
  return `msg_${deliveryId.replaceAll("-", "")}`;
}

/** The `webhook-signature` of Standard Webhooks: HMAC-SHA256 over id, time and the raw body. */
export function signatureOf(
  key: Buffer,
  webhookId: string,
  timestampSeconds: number,
  body: string,
): string {
  const hmac = createHmac("sha256", key).update(`${webhookId}.${timestampSeconds}.${body}`);
  return `v1,${hmac.digest("base64")}`;
}
