import { EndpointCreated, type EndpointCreation } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { SecretBox } from "@valify/runtime";
import type { Transaction } from "kysely";
import type { z } from "zod";

import { type Actor, recordAudit } from "./audit.ts";
import { canonicalJson } from "./domain/canonical-json.ts";
import { auditOf, type EndpointChangesDeps, type Refusal, refuse } from "./endpoint-changes.ts";
import { countCreations, findCreation, keepCreation } from "./endpoint-creation-queries.ts";
import { countEndpointsLocked, type EndpointChanges, insertEndpoint } from "./endpoint-queries.ts";
import { createEndpointSecret } from "./endpoint-secret.ts";
import { checkAddress, readSettings } from "./endpoint-settings.ts";
import { viewOf } from "./endpoint-view.ts";
import type { Failure } from "./problem.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";

/** What a client is answered, now or once more. */
export type CreationVerdict =
  | { readonly kind: "done"; readonly answer: z.infer<typeof EndpointCreated> }
  | Refusal;

/** A request that its client may repeat. */
interface Repeatable {
  readonly key: string;
  readonly hash: Buffer;
}

/** Each due lead is compared with all of them. */
const ENDPOINTS_PER_TENANT_MAX = 50;
/** Answers that are kept for a tenant at a time. */
const KEYS_PER_DAY_MAX = 1_000;

const tooMany: Failure = {
  status: 409,
  code: "ENDPOINT_LIMIT_REACHED",
  detail: `A tenant has at most ${ENDPOINTS_PER_TENANT_MAX} endpoints: delete one first`,
};
const tooManyKeys: Failure = {
  status: 409,
  code: "ENDPOINT_LIMIT_REACHED",
  detail: `At most ${KEYS_PER_DAY_MAX} endpoints are created under an Idempotency-Key in 24 hours`,
};
const keyMismatch: Failure = {
  status: 422,
  code: "IDEMPOTENCY_KEY_MISMATCH",
  detail: "This Idempotency-Key belongs to a request with another body. Use a new key",
};

/**
 * `key`: within 24 hours the same request under it creates nothing and gets the first answer, secret
 * included; null for a client that does not repeat. What is refused uses no key up.
 */
export async function createEndpoint(
  deps: EndpointChangesDeps,
  actor: Actor,
  given: EndpointCreation,
  key: string | null,
): Promise<CreationVerdict> {
  const { db, guard, secretBox } = deps;
  const { tenantId } = actor;
  const repeatable =
    key === null
      ? null
      : { key, hash: secretBox.fingerprint(`POST /endpoints ${canonicalJson(given)}`) };
  const again =
    repeatable &&
    (await readInTenant(db, tenantId, (reader) =>
      answerAgain(reader, tenantId, repeatable, secretBox),
    ));
  if (again) return again;
  const refusal = await checkAddress(guard, given.url);
  if (refusal !== null) return refuse(refusal);
  const { signature: _, ...settable } = given;
  const settings = readSettings(settable, null, deps);
  if (settings.kind === "refused") return settings;
  return inTenant(db, tenantId, (trx) =>
    create(trx, deps, actor, given, settings.value, repeatable),
  );
}

async function create(
  trx: Transaction<Database>,
  { secretBox }: EndpointChangesDeps,
  actor: Actor,
  given: EndpointCreation,
  settings: EndpointChanges,
  repeatable: Repeatable | null,
): Promise<CreationVerdict> {
  const { tenantId } = actor;
  // From here on the tenant's creations wait for this one: what it keeps is seen by the next.
  const count = await countEndpointsLocked(trx, tenantId);
  const again = repeatable && (await answerAgain(trx, tenantId, repeatable, secretBox));
  if (again) return again;
  if (count >= ENDPOINTS_PER_TENANT_MAX) return refuse(tooMany);
  if (repeatable && (await countCreations(trx, tenantId)) >= KEYS_PER_DAY_MAX) {
    return refuse(tooManyKeys);
  }
  const { signingSecret, publicKey } = createEndpointSecret(given.signature);
  const endpoint = await insertEndpoint(trx, {
    tenant_id: tenantId,
    url: given.url,
    description: given.description,
    send: given.send,
    rate_per_second: given.rate_per_second,
    concurrency: given.concurrency,
    retry_delays_ms: settings.retry_delays_ms ?? null,
    headers_encrypted: settings.headers_encrypted ?? null,
    client_certificate: settings.client_certificate ?? null,
    client_key_encrypted: settings.client_key_encrypted ?? null,
    secret_encrypted: secretBox.seal(signingSecret),
    public_key: publicKey,
  });
  const secret = publicKey === null ? signingSecret : null;
  const answer = { ...viewOf(endpoint, secretBox, new Date()), secret };
  if (repeatable !== null) {
    await keepCreation(trx, {
      tenant_id: tenantId,
      idempotency_key: repeatable.key,
      request_hash: repeatable.hash,
      answer_encrypted: secretBox.seal(JSON.stringify(answer)),
    });
  }
  await recordAudit(trx, actor, auditOf("endpoint.created", endpoint.endpoint_id));
  return { kind: "done", answer };
}

/** Null: nothing was created under this key of late. */
async function answerAgain(
  db: Parameters<typeof findCreation>[0],
  tenantId: string,
  { key, hash }: Repeatable,
  secretBox: SecretBox,
): Promise<CreationVerdict | null> {
  const kept = await findCreation(db, tenantId, key);
  if (kept === undefined) return null;
  if (!kept.request_hash.equals(hash)) return refuse(keyMismatch);
  const answer = EndpointCreated.parse(JSON.parse(secretBox.open(kept.answer_encrypted)));
  return { kind: "done", answer };
}
