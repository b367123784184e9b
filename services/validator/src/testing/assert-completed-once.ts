import assert from "node:assert/strict";

import { type BatchUploaded, uuidOfBatchId } from "@valify/contracts";
import { sql } from "kysely";

import { batchOfEvent } from "../domain/batch.ts";
import { loadLeads } from "../lead-queries.ts";
import { errorsKeyOf, resultsKeyOf } from "../results-file.ts";
import { MIXED_COUNTS, MIXED_ROWS } from "./fixtures.ts";
import type { World } from "./world.ts";

/** The promise to other teams: one event per announced lead, saying what the table says. */
async function assertAnnouncedAsStored(world: World, event: BatchUploaded): Promise<void> {
  const batch = batchOfEvent(event);
  const stored = await loadLeads(world.deps.db, batch, { firstRow: 1, lastRow: MIXED_ROWS });
  const announced = await world.leadsAnnounced(event.batch_id);
  assert.deepEqual(
    announced
      .map(({ messageId, body }) => ({
        messageId,
        row: body.row,
        lead_uuid: body.lead_uuid,
        id: body.id,
        status: body.validation_status,
        at: body.validation_timestamp,
        scheduled: body.webhook_scheduled_for,
        errors: body.errors,
      }))
      .toSorted((a, b) => a.row - b.row),
    stored
      .filter(({ status }) => status !== "skipped")
      .map((lead) => ({
        messageId: `lead.validated:${lead.leadUuid}:v1`,
        row: lead.rowNumber,
        lead_uuid: lead.leadUuid,
        id: lead.leadId,
        status: lead.status,
        at: lead.validatedAt,
        scheduled: lead.webhookScheduledFor,
        errors: lead.errors,
      })),
  );
}

/** The mixed file is done: stored, counted, announced and ended, each exactly once. */
export async function assertCompletedOnce(world: World, event: BatchUploaded): Promise<void> {
  await assertAnnouncedAsStored(world, event);
  const ends = await world.endsAnnounced(event.batch_id);
  assert.equal(ends.length, 1);
  const { body } = ends[0] ?? {};
  assert.equal(body?.["total_leads"], MIXED_ROWS);
  assert.equal(body["valid_leads"], MIXED_COUNTS.valid);
  assert.equal(body["invalid_leads"], MIXED_COUNTS.invalid);
  assert.equal(body["skipped_rows"], MIXED_COUNTS.skipped);
  const { rows } = await sql`
    select status, announced_rows, valid_leads, invalid_leads, skipped_rows, results_object_key,
      errors_object_key
    from validation.runs where batch_id = ${uuidOfBatchId(event.batch_id)}`.execute(world.deps.db);
  assert.deepEqual(rows, [
    {
      status: "completed",
      announced_rows: MIXED_ROWS,
      valid_leads: MIXED_COUNTS.valid,
      invalid_leads: MIXED_COUNTS.invalid,
      skipped_rows: MIXED_COUNTS.skipped,
      results_object_key: resultsKeyOf(batchOfEvent(event)),
      errors_object_key: errorsKeyOf(batchOfEvent(event)),
    },
  ]);
}
