const PREFIX = "whsec_";
const BYTE_COUNT_MIN = 24;
const BYTE_COUNT_MAX = 64;

/** Whether the text is a Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes. */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, "base64");
  // Decoding skips what is no base64; only encoding again shows whether anything was skipped.
  const isExact = bytes.toString("base64").replace(/=+$/, "") === encoded.replace(/=+$/, "");
  return isExact && bytes.length >= BYTE_COUNT_MIN && bytes.length <= BYTE_COUNT_MAX;
}
