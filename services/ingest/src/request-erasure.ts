import { batchIdOfUuid, ERASURE_LEADS_MAX } from "@valify/contracts";
import type { ErasurePreview, ErasureRequest } from "@valify/contracts/api";
import type { Database, LeadHash } from "@valify/database";
import { deterministicUuid, type ObjectStore } from "@valify/runtime";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import { sameNameWithoutDate } from "./domain/erasable-ids.ts";
import {
  countUnfinished,
  findLeadId,
  findMatches,
  isSuppressed,
  matchViewOf,
} from "./erasure-matches.ts";
import {
  type ErasureOrder,
  findErasure,
  findLeadsToErase,
  insertErasure,
  type LeadToErase,
  type StoredErasure,
} from "./erasure-queries.ts";
import { registerOrder, tellServices } from "./erasure-register.ts";
import { type Failure, failures } from "./problem.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";

export interface RequestErasureDeps {
  readonly db: Kysely<Database>;
  readonly store: Pick<ObjectStore, "put" | "get" | "list">;
  readonly leadHash: LeadHash;
}

type Refused = { readonly kind: "refused"; readonly failure: Failure };
export type Previewing = { readonly kind: "previewed"; readonly preview: ErasurePreview } | Refused;
export type Erasing = { readonly kind: "accepted"; readonly erasure: StoredErasure } | Refused;

/** Shows every row that may be the person's, and changes nothing. Looking is on record. */
export async function previewErasure(
  { db, leadHash }: RequestErasureDeps,
  actor: Actor,
  { lead_id, lead_uuid }: ErasureRequest,
): Promise<Previewing> {
  const { tenantId } = actor;
  return inTenant(db, tenantId, async (trx): Promise<Previewing> => {
    const leadId = lead_id ?? (await findLeadId(trx, tenantId, lead_uuid ?? ""));
    if (leadId === undefined || leadId === null) return refuse(failures.leadNotFound);
    const leadIds = [leadId, sameNameWithoutDate(leadId)];
    const rows = await findMatches(trx, tenantId, leadIds, ERASURE_LEADS_MAX + 1);
    const matches = rows.slice(0, ERASURE_LEADS_MAX).map((row) => matchViewOf(row, leadId));
    const preview = {
      matches,
      has_more: rows.length > ERASURE_LEADS_MAX,
      unfinished_batches: await countUnfinished(trx, tenantId),
      is_suppressed: await isSuppressed(trx, tenantId, [leadHash(tenantId, leadId)]),
    };
    await recordAudit(trx, actor, {
      action: "erasure.previewed",
      objectKind: "lead",
      objectId: lead_uuid ?? leadHash(tenantId, leadId),
      details: { matches: matches.length },
    });
    return { kind: "previewed", preview };
  });
}

/**
 * Erases rows that a person has looked at. The order is kept outside of the database first: one that
 * was answered 202 outlasts a restore. Asked twice it is the same erasure.
 */
export async function requestErasure(
  deps: RequestErasureDeps,
  actor: Actor,
  request: ErasureRequest & { readonly confirm: readonly string[] },
  now: Date,
): Promise<Erasing> {
  const { db, store } = deps;
  const { tenantId } = actor;
  const order = await readInTenant(db, tenantId, (trx) =>
    planErasure(trx, deps, actor, request, now),
  );
  if ("code" in order) return refuse(order);
  const known = await readInTenant(db, tenantId, (trx) =>
    findErasure(trx, tenantId, order.erasure_id),
  );
  if (known !== undefined) return { kind: "accepted", erasure: known };
  await registerOrder(store, order);
  return inTenant(db, tenantId, async (trx): Promise<Erasing> => {
    const inserted = await insertErasure(trx, order);
    const erasure = inserted ?? (await findErasure(trx, tenantId, order.erasure_id));
    if (erasure === undefined) throw new Error("an erasure is neither new nor known");
    if (inserted === undefined) return { kind: "accepted", erasure };
    await tellServices(trx, erasure);
    await recordAudit(trx, actor, {
      action: "erasure.requested",
      objectKind: "erasure",
      objectId: erasure.erasure_id,
      details: { leads: order.leads.length, tombstones: order.tombstones.length },
    });
    return { kind: "accepted", erasure };
  });
}

async function planErasure(
  db: Kysely<Database>,
  { leadHash }: RequestErasureDeps,
  { tenantId }: Actor,
  { lead_id, lead_uuid, confirm }: ErasureRequest & { readonly confirm: readonly string[] },
  now: Date,
): Promise<ErasureOrder | Failure> {
  const leads = await findLeadsToErase(db, tenantId, confirm);
  if (leads.length < new Set(confirm).size) return failures.leadNotFound;
  const named = lead_id ?? (await findLeadId(db, tenantId, lead_uuid ?? ""));
  if (named === undefined) return failures.leadNotFound;
  if (named !== null && leads.some((lead) => !mayBe(lead, named))) return failures.erasureMismatch;
  // Without a date of birth an id is many people's, and no rule asks for it.
  const leadIds = new Set([named, ...leads.map(({ leadId }) => leadId)]);
  const tombstones = [...leadIds]
    .filter((leadId) => leadId !== null && leadId !== sameNameWithoutDate(leadId))
    .map((leadId) => leadHash(tenantId, leadId ?? ""));
  const uuids = leads.map(({ leadUuid }) => leadUuid);
  return {
    erasure_id: deterministicUuid("erasure", tenantId, ...(uuids.length > 0 ? uuids : tombstones)),
    tenant_id: tenantId,
    requested_at: now.toISOString(),
    leads: leads.map((lead) => ({
      lead_uuid: lead.leadUuid,
      batch_id: batchIdOfUuid(lead.batchUuid),
      webhook_scheduled_for: lead.webhookScheduledFor.toISOString(),
    })),
    tombstones,
  };
}

/** One that was erased before may have been anybody; asking again must find its erasure. */
function mayBe({ leadId }: LeadToErase, named: string): boolean {
  return leadId === null || leadId === named || leadId === sameNameWithoutDate(named);
}

function refuse(failure: Failure): Refused {
  return { kind: "refused", failure };
}
