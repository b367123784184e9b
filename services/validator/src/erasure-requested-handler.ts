import { erasureCleared, type ErasureRequested, leadValidated } from "@valify/contracts";
import type { Database } from "@valify/database";
import { type Bus, eraseMessages, type Later, type ObjectStore } from "@valify/runtime";
import type { Kysely } from "kysely";

import { eraseResults } from "./erase-results.ts";
import { eraseLeads, findTombstones } from "./erasure-queries.ts";

export interface ErasureDeps {
  readonly db: Kysely<Database>;
  readonly bus: Pick<Bus, "publish" | "connection">;
  readonly objects: ObjectStore;
  readonly limits: { readonly bytesMax: number; readonly rowsMax: number };
  readonly now: () => Date;
}

/** A batch at work holds its file in memory and writes its results at the end: look again then. */
const AT_WORK_DELAY_MS = 10_000;
/** A row may be stored by another clock than the stream's. */
const CLOCKS_APART_MAX_MS = 5 * 60_000;
/** What results have beyond the uploader's own cells: every message of every rule. */
const RESULT_ROW_BYTES_MAX = 4_096;

/**
 * Forgets leads: rows first, so that no webhook is built of them from now on; then the files, and
 * last what was announced, since a batch at work may announce until its end. Every step finds its work
 * done when it comes again.
 */
export function createErasureRequestedHandler(deps: ErasureDeps) {
  const { db, bus, objects, limits, now } = deps;
  // Quotes may double a cell.
  const bytesMax = 2 * limits.bytesMax + limits.rowsMax * RESULT_ROW_BYTES_MAX;

  return async function handleErasureRequested(
    event: ErasureRequested,
  ): Promise<Later | undefined> {
    const { erasure_id, attempt, tenant_id, tombstones } = event;
    const leadUuids = event.leads.map(({ lead_uuid: leadUuid }) => leadUuid);
    await eraseLeads(db, { tenantId: tenant_id, leadUuids, tombstones });
    const rows = await findTombstones(db, tenant_id, leadUuids);
    if (rows.some(({ isAtWork }) => isAtWork)) return { kind: "later", delayMs: AT_WORK_DELAY_MS };
    await eraseResults({ db, objects, bytesMax }, tenant_id, rows);
    await eraseAnnouncements(bus, leadUuids, sinceOf(rows.map((row) => row.validatedAt)));
    const cleared = { erasure_id, tenant_id, attempt, cleared_at: now().toISOString() };
    await bus.publish(erasureCleared, { ...cleared, service: "validator" });
    return undefined;
  };
}

/** Null: rows that are not there any more may have been announced at any time. */
function sinceOf(instants: readonly Date[]): Date | null {
  if (instants.length === 0) return null;
  const firstMs = Math.min(...instants.map((instant) => instant.getTime()));
  return new Date(firstMs - CLOCKS_APART_MAX_MS);
}

/** The announcements themselves, and copies among the dead letters, which are few. */
async function eraseAnnouncements(
  bus: Pick<Bus, "connection">,
  leadUuids: readonly string[],
  since: Date | null,
): Promise<void> {
  if (leadUuids.length === 0) return;
  const { stream, subject } = leadValidated;
  const ids = new Set(leadUuids.map((leadUuid) => `lead.validated:${leadUuid}:v1`));
  await eraseMessages(bus, {
    stream,
    subject,
    since,
    withBodies: false,
    isWanted: ({ messageId }) => ids.has(messageId),
  });
  await eraseMessages(bus, {
    stream: "DLQ",
    subject: `dlq.${subject}`,
    since: null,
    withBodies: true,
    isWanted: ({ text }) => leadUuids.some((leadUuid) => text.includes(leadUuid)),
  });
}
