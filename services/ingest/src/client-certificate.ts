import { createPrivateKey, X509Certificate } from "node:crypto";

/** PEM: what a receiver that asks for a certificate is shown, and the key that belongs to it. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Null: fit for use. Found here, since a handshake would fail at every delivery. */
export function refusalOf({ certificate, key }: ClientCertificate, now: Date): string | null {
  try {
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return "the key is not the certificate's";
    if (new Date(parsed.validTo) <= now) return "the certificate has expired";
    return null;
  } catch {
    // What the library says may quote the key.
    return "certificate and key must be PEM, the key without a passphrase";
  }
}

export function describeCertificate(certificate: string) {
  const { fingerprint256, validTo } = new X509Certificate(certificate);
  return { fingerprint_sha256: fingerprint256, expires_at: new Date(validTo).toISOString() };
}
