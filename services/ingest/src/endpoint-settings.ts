import type { EndpointChange } from "@valify/contracts/api";
import { type AddressGuard, parseDurationMs, type SecretBox } from "@valify/runtime";

import { type ClientCertificate, refusalOf } from "./client-certificate.ts";
import { type CustomHeaders, judgeHeaders, unmaskHeaders } from "./domain/custom-headers.ts";
import type { EndpointChanges, StoredEndpoint } from "./endpoint-queries.ts";
import { openHeaders } from "./endpoint-view.ts";
import type { Failure } from "./problem.ts";

export interface EndpointSettingsDeps {
  readonly guard: AddressGuard;
  readonly secretBox: SecretBox;
}

/** What a request that sets something can be answered. */
export const SETTINGS_PROBLEMS = [
  "ENDPOINT_ADDRESS_REFUSED",
  "ENDPOINT_HEADER_REFUSED",
  "CLIENT_CERTIFICATE_INVALID",
  "RETRY_DELAYS_INVALID",
  "CONTENT_TYPE_UNSUPPORTED",
] as const;

type Verdict<Value> =
  | { readonly kind: "accepted"; readonly value: Value }
  | { readonly kind: "refused"; readonly failure: Failure };

const RETRY_DELAY_MAX_MS = 86_400_000;

/** The same words whatever stands behind the address: they must not map a private network. */
const ADDRESS_REFUSED: Failure = {
  status: 422,
  code: "ENDPOINT_ADDRESS_REFUSED",
  detail: "url must be https, without user information, and lead to public addresses alone",
};

/** Asks the guard, which may ask DNS: outside of any transaction. */
export async function checkAddress(guard: AddressGuard, url: string): Promise<Failure | null> {
  const parsed = URL.parse(url);
  const isAllowed = parsed !== null && (await guard.inspect(parsed)) === "allowed";
  return isAllowed ? null : ADDRESS_REFUSED;
}

/** What a request asks for, as the table holds it. `stored`: null where there is none yet. */
export function readSettings(
  given: EndpointChange,
  stored: StoredEndpoint | null,
  { secretBox }: Pick<EndpointSettingsDeps, "secretBox">,
): Verdict<EndpointChanges> {
  const { headers, client_certificate: identity, retry_delays: delays, ...plain } = given;
  const read = {
    headers: headers && readHeaders(headers, stored, secretBox),
    identity: identity && readIdentity(identity),
    delays: delays && readDelays(delays),
  };
  for (const verdict of Object.values(read)) if (verdict?.kind === "refused") return verdict;
  const value: EndpointChanges = plain;
  if (read.headers?.kind === "accepted") {
    value.headers_encrypted = sealHeaders(read.headers.value, secretBox);
  }
  if (delays === null) value.retry_delays_ms = null;
  else if (read.delays?.kind === "accepted") value.retry_delays_ms = [...read.delays.value];
  if (identity === null) {
    value.client_certificate = null;
    value.client_key_encrypted = null;
  } else if (read.identity?.kind === "accepted") {
    value.client_certificate = read.identity.value.certificate;
    value.client_key_encrypted = secretBox.seal(read.identity.value.key);
  }
  return { kind: "accepted", value };
}

function readHeaders(
  given: CustomHeaders,
  stored: StoredEndpoint | null,
  secretBox: SecretBox,
): Verdict<CustomHeaders> {
  const verdict = judgeHeaders(given);
  if (verdict.kind === "refused") return refuse("ENDPOINT_HEADER_REFUSED", verdict.reason);
  const known = openHeaders(stored?.headers_encrypted ?? null, secretBox);
  return { kind: "accepted", value: unmaskHeaders(verdict.headers, known) };
}

function sealHeaders(headers: CustomHeaders, secretBox: SecretBox): Buffer | null {
  return Object.keys(headers).length === 0 ? null : secretBox.seal(JSON.stringify(headers));
}

function readIdentity(identity: ClientCertificate): Verdict<ClientCertificate> {
  const reason = refusalOf(identity, new Date());
  return reason === null
    ? { kind: "accepted", value: identity }
    : refuse("CLIENT_CERTIFICATE_INVALID", reason);
}

function readDelays(delays: readonly string[]): Verdict<readonly number[]> {
  const delaysMs = delays.map((text) => parseDurationMs(text) ?? Number.NaN);
  return delaysMs.every((delayMs) => delayMs <= RETRY_DELAY_MAX_MS)
    ? { kind: "accepted", value: delaysMs }
    : refuse("RETRY_DELAYS_INVALID", "retry_delays must be ISO 8601 durations of a day at most");
}

function refuse(code: Failure["code"], detail: string): Verdict<never> {
  return { kind: "refused", failure: { status: 422, code, detail } };
}
