import type { EndpointChange, SignatureScheme } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import {
  deleteEndpoint,
  findEndpoint,
  rotateSecret,
  type StoredEndpoint,
  updateEndpoint,
} from "./endpoint-queries.ts";
import { createEndpointSecret } from "./endpoint-secret.ts";
import { checkAddress, type EndpointSettingsDeps, readSettings } from "./endpoint-settings.ts";
import { type Failure, failures } from "./problem.ts";
import { recoverHeld } from "./start-replay.ts";
import { inTenant } from "./tenant-scope.ts";

export interface EndpointChangesDeps extends EndpointSettingsDeps {
  readonly db: Kysely<Database>;
}

export type EndpointVerdict =
  | { readonly kind: "done"; readonly endpoint: StoredEndpoint }
  | Refusal;
export type Refusal = { readonly kind: "refused"; readonly failure: Failure };
/** `secret`: to be shown this once; null where the receiver needs the public key alone. */
export type SecretVerdict =
  | { readonly kind: "done"; readonly endpoint: StoredEndpoint; readonly secret: string | null }
  | Refusal;

export async function changeEndpoint(
  deps: EndpointChangesDeps,
  actor: Actor,
  endpointId: string,
  given: EndpointChange,
): Promise<EndpointVerdict> {
  const refusal = given.url === undefined ? null : await checkAddress(deps.guard, given.url);
  if (refusal !== null) return refuse(refusal);
  return inTenant(deps.db, actor.tenantId, async (trx): Promise<EndpointVerdict> => {
    const stored = await findEndpoint(trx, actor.tenantId, endpointId, { lock: true });
    if (stored === undefined) return refuse(failures.endpointNotFound);
    const settings = readSettings(given, stored, deps);
    if (settings.kind === "refused") return settings;
    const isActivated = given.status === "active";
    const endpoint = await updateEndpoint(trx, stored, settings.value, isActivated);
    // What was kept for it goes out, at its rate.
    if (isActivated) await recoverHeld(trx, actor, endpointId);
    const details = { settings: Object.keys(given) };
    await recordAudit(trx, actor, { ...auditOf("endpoint.changed", endpointId), details });
    return { kind: "done", endpoint };
  });
}

export interface Rotation {
  readonly graceMs: number;
  /** Undefined: as it is. */
  readonly signature: SignatureScheme | undefined;
}

export async function rotateEndpointSecret(
  { db, secretBox }: EndpointChangesDeps,
  actor: Actor,
  endpointId: string,
  { graceMs, signature }: Rotation,
): Promise<SecretVerdict> {
  return inTenant(db, actor.tenantId, async (trx): Promise<SecretVerdict> => {
    const stored = await findEndpoint(trx, actor.tenantId, endpointId, { lock: true });
    if (stored === undefined) return refuse(failures.endpointNotFound);
    const present = stored.public_key === null ? "v1" : "v1a";
    const { signingSecret, publicKey } = createEndpointSecret(signature ?? present);
    const sealedSecret = secretBox.seal(signingSecret);
    const endpoint = await rotateSecret(trx, stored, { sealedSecret, publicKey, graceMs });
    const details = { grace_ms: graceMs };
    await recordAudit(trx, actor, { ...auditOf("endpoint.secret_rotated", endpointId), details });
    return { kind: "done", endpoint, secret: publicKey === null ? signingSecret : null };
  });
}

/** False: there is none. What is still due to it is cancelled when its time comes, held ones now. */
export async function removeEndpoint(
  { db }: EndpointChangesDeps,
  actor: Actor,
  endpointId: string,
): Promise<boolean> {
  return inTenant(db, actor.tenantId, async (trx) => {
    const isDeleted = await deleteEndpoint(trx, actor.tenantId, endpointId);
    if (!isDeleted) return false;
    await recoverHeld(trx, actor, endpointId);
    await recordAudit(trx, actor, auditOf("endpoint.deleted", endpointId));
    return true;
  });
}

export function auditOf(action: `endpoint.${string}`, objectId: string) {
  return { action, objectKind: "endpoint", objectId } as const;
}

export function refuse(failure: Failure): Refusal {
  return { kind: "refused", failure };
}
