import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

/** Encrypts small secrets at rest. */
export interface SecretBox {
  seal(plaintext: string): Buffer;
  /** Throws where the key is another or the bytes were touched. */
  open(sealed: Uint8Array): string;
  /** Tells whether a text is the one of before, without keeping it. Another key, another print. */
  fingerprint(text: string): Buffer;
}

/** First byte of every sealed secret: the layout may change later. */
const LAYOUT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM under a key derived from SECRET_KEY. Layout: version, nonce, tag, ciphertext. */
export function createSecretBox(secretKey: string): SecretBox {
  const key = Buffer.from(hkdfSync("sha256", secretKey, "", "valify endpoint secrets v1", 32));
  return {
    seal(plaintext) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(LAYOUT), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== LAYOUT) throw new Error("a sealed secret has an unknown layout");
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
      const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
      // With the length, or a tag cut down to four bytes would do, which can be guessed.
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(tag);
      const body = bytes.subarray(1 + NONCE_BYTES + TAG_BYTES);
      return decipher.update(body, undefined, "utf8") + decipher.final("utf8");
    },
    fingerprint: (text) => createHmac("sha256", key).update(text).digest(),
  };
}
