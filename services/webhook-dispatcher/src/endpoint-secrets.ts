import type { SecretBox } from "@valify/runtime";
import { z } from "zod";

import type { Endpoint } from "./lead-queries.ts";
import { keyOfSecret, type SigningKey } from "./sign-webhook.ts";

/** What a request to an endpoint needs and its table holds encrypted. */
export interface EndpointSecrets {
  /** Newest first; more than one during the grace period of a rotation. */
  readonly keys: readonly SigningKey[];
  /** The customer's own headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Shown to a receiver that asks for a certificate; PEM. */
  readonly identity: ClientIdentity | null;
}

export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Decrypting for every request would be waste; keeping everything for ever would be worse. */
const OPENED_MAX = 4_000;
const Headers = z.record(z.string(), z.string());

/** Opens an endpoint's secrets, each once per stored bytes: a rotated one is other bytes. */
export function createEndpointSecrets(secretBox: SecretBox) {
  // Endpoints are loaded once per pull and shared by all of its deliveries.
  const ofLoaded = new WeakMap<Endpoint, EndpointSecrets>();
  const keyOf = remember((sealed) => keyOfSecret(secretBox.open(sealed)));
  const headersOf = remember((sealed) => Headers.parse(JSON.parse(secretBox.open(sealed))));
  const clientKeyOf = remember((sealed) => secretBox.open(sealed));

  return function secretsOf(endpoint: Endpoint): EndpointSecrets {
    const known = ofLoaded.get(endpoint);
    if (known !== undefined) return known;
    const { headersEncrypted, clientCertificate, clientKeyEncrypted } = endpoint;
    const secrets = {
      keys: [endpoint.secretEncrypted, ...endpoint.oldSecretsEncrypted].map(keyOf),
      headers: headersEncrypted === null ? {} : headersOf(headersEncrypted),
      identity:
        clientCertificate === null || clientKeyEncrypted === null
          ? null
          : { certificate: clientCertificate, key: clientKeyOf(clientKeyEncrypted) },
    };
    ofLoaded.set(endpoint, secrets);
    return secrets;
  };
}

function remember<Opened>(open: (sealed: Buffer) => Opened): (sealed: Buffer) => Opened {
  const opened = new Map<string, Opened>();
  return (sealed) => {
    const bytes = sealed.toString("latin1");
    const known = opened.get(bytes);
    if (known !== undefined) return known;
    const value = open(sealed);
    if (opened.size >= OPENED_MAX) opened.clear();
    opened.set(bytes, value);
    return value;
  };
}
