import { z } from "zod";

import { EndpointId, Instant } from "./ids.ts";

/** Which leads an endpoint is told of. */
const EndpointFilter = z.enum(["all", "valid", "invalid"]);

/** `v1`: HMAC-SHA256 with a shared secret. `v1a`: ed25519, the receiver holds a public key alone. */
export const SignatureScheme = z.enum(["v1", "v1a"]);
export type SignatureScheme = z.infer<typeof SignatureScheme>;

const URL_LENGTH_MAX = 2_048;
const DESCRIPTION_LENGTH_MAX = 500;
const RATE_MAX = 100_000;
const CONCURRENCY_MAX = 256;
const RETRIES_MAX = 10;
const PEM_LENGTH_MAX = 16_384;

const settings = {
  url: z.string().min(1).max(URL_LENGTH_MAX),
  description: z.string().max(DESCRIPTION_LENGTH_MAX),
  send: EndpointFilter,
  /** 0: no limit. Null: the installation's default, as for the next two. */
  rate_per_second: z.int().min(0).max(RATE_MAX).nullable(),
  /** Requests at a time, of all dispatchers together; the default holds for each of them. */
  concurrency: z.int().min(1).max(CONCURRENCY_MAX).nullable(),
  /** ISO 8601 durations, one per retry, such as `["PT1M", "PT5M"]`. */
  retry_delays: z.array(z.string()).min(1).max(RETRIES_MAX).nullable(),
  headers: z.record(z.string(), z.string()),
  /** PEM. Shown to a receiver that asks for a certificate (mutual TLS). */
  client_certificate: z
    .strictObject({
      certificate: z.string().max(PEM_LENGTH_MAX),
      key: z.string().max(PEM_LENGTH_MAX),
    })
    .nullable(),
};

/** `POST /endpoints`. */
export const EndpointCreation = z.strictObject({
  url: settings.url,
  description: settings.description.default(""),
  send: settings.send.default("all"),
  rate_per_second: settings.rate_per_second.default(null),
  concurrency: settings.concurrency.default(null),
  retry_delays: settings.retry_delays.default(null),
  headers: settings.headers.default({}),
  client_certificate: settings.client_certificate.default(null),
  signature: SignatureScheme.default("v1"),
});
export type EndpointCreation = z.infer<typeof EndpointCreation>;

/** `PATCH /endpoints/:endpoint_id`: what is left out stays as it is; `headers` replaces them all. */
export const EndpointChange = z.strictObject({
  ...z.strictObject(settings).partial().shape,
  status: z.enum(["active", "paused"]).optional(),
});
export type EndpointChange = z.infer<typeof EndpointChange>;

/** One endpoint as its owner sees it. Secrets are not in it. */
export const EndpointView = z.object({
  endpoint_id: EndpointId,
  url: z.string(),
  description: z.string(),
  status: z.enum(["active", "paused", "disabled"]),
  send: EndpointFilter,
  rate_per_second: z.int().nullable(),
  concurrency: z.int().nullable(),
  retry_delays: z.array(z.string()).nullable(),
  /** The value of a header that is likely to hold a secret is `********`. */
  headers: z.record(z.string(), z.string()),
  client_certificate: z.object({ fingerprint_sha256: z.string(), expires_at: Instant }).nullable(),
  signature: SignatureScheme,
  /** `whpk_…` for `v1a`. */
  public_key: z.string().nullable(),
  /** When each secret before the present one stops being signed with, newest first. */
  old_secrets_until: z.array(Instant),
  /** The one that WEBHOOK_URL describes. */
  is_default: z.boolean(),
  created_at: Instant,
  updated_at: Instant,
});
export type EndpointView = z.infer<typeof EndpointView>;

/** Shown in this one answer and never again. Null for `v1a`, whose receiver needs no secret. */
const secret = z.string().nullable();

/** 201 of `POST /endpoints`. */
export const EndpointCreated = z.object({ ...EndpointView.shape, secret });

/** `GET /endpoints`: all of them, there are at most fifty. */
export const EndpointList = z.object({ endpoints: z.array(EndpointView) });

/** `POST /endpoints/:endpoint_id/rotate_secret`; a body is optional. */
export const SecretRotation = z
  .strictObject({
    /** How long the secrets before are signed with as well: `PT0S` to `P7D`, else a day. */
    grace: z.string().optional(),
    /** Left out: as it is. */
    signature: SignatureScheme.optional(),
  })
  .nullish();

/** 200 of it. */
export const SecretRotated = z.object({ ...EndpointView.shape, secret });

/** 202 of `POST /endpoints/:endpoint_id/test`: see `GET /deliveries/:delivery_id` for its fate. */
export const EndpointTestAccepted = z.object({ delivery_id: z.guid() });
