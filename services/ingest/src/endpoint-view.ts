import type { EndpointView } from "@valify/contracts/api";
import type { SecretBox } from "@valify/runtime";
import { z } from "zod";

import { describeCertificate } from "./client-certificate.ts";
import { type CustomHeaders, maskHeaders } from "./domain/custom-headers.ts";
import { durationOfMs } from "./domain/duration.ts";
import type { StoredEndpoint } from "./endpoint-queries.ts";

const Headers = z.record(z.string(), z.string());

export function openHeaders(sealed: Buffer | null, secretBox: SecretBox): CustomHeaders {
  return sealed === null ? {} : Headers.parse(JSON.parse(secretBox.open(sealed)));
}

/** An endpoint as its owner sees it. `now`: secrets past their grace period are not worth a word. */
export function viewOf(row: StoredEndpoint, secretBox: SecretBox, now: Date): EndpointView {
  return {
    endpoint_id: row.endpoint_id,
    url: row.url,
    description: row.description,
    status: row.status,
    send: row.send,
    rate_per_second: row.rate_per_second,
    concurrency: row.concurrency,
    retry_delays: row.retry_delays_ms?.map(durationOfMs) ?? null,
    headers: maskHeaders(openHeaders(row.headers_encrypted, secretBox)),
    client_certificate:
      row.client_certificate === null ? null : describeCertificate(row.client_certificate),
    signature: row.public_key === null ? "v1" : "v1a",
    public_key: row.public_key,
    old_secrets_until: row.old_secrets_until
      .filter((until) => until > now)
      .map((until) => until.toISOString()),
    is_default: row.is_default,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
