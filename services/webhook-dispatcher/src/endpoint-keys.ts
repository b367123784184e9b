import type { KeyObject } from "node:crypto";

import type { SecretBox } from "@valify/runtime";

import type { Endpoint } from "./lead-queries.ts";
import { keyOfSecret } from "./sign-webhook.ts";

/** Decrypting for every request would be waste; keeping every key for ever would be worse. */
const KEYS_MAX = 1_000;

/** The signing key of an endpoint, decrypted once per stored secret. */
export function createEndpointKeys(secretBox: SecretBox) {
  const keys = new Map<string, { readonly sealed: Buffer; readonly key: KeyObject }>();
  return function keyOf({ endpointId, secretEncrypted: sealed }: Endpoint): KeyObject {
    const cached = keys.get(endpointId);
    // Compared, not trusted: a rotated secret counts from the next request on.
    if (cached?.sealed.equals(sealed) === true) return cached.key;
    const key = keyOfSecret(secretBox.open(sealed));
    if (keys.size >= KEYS_MAX) keys.clear();
    keys.set(endpointId, { sealed, key });
    return key;
  };
}
