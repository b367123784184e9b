import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Batch } from "./domain/batch.ts";
import type { LeadRecord, RowCounts } from "./domain/lead-record.ts";
import type { Run } from "./run-queries.ts";

/** `kept`: some of the rows were stored before, and keep their first verdict. */
export type StoreOutcome = "stored" | "kept" | "stopped";

/**
 * Stores rows in one statement, as one JSON text: arrays per column would be escaped value by value
 * in JavaScript. Fenced by the run's token. A row that is there already stays as it is, by the
 * primary key and the unique (batch_id, row_number).
 */
export async function storeLeads(
  db: Kysely<Database>,
  run: Run,
  tenantId: string,
  leads: readonly LeadRecord[],
): Promise<StoreOutcome> {
  const { rows } = await sql<{ isHeld: boolean; addedCount: number }>`
    with held as materialized (
      select from validation.runs
      where batch_id = ${run.batchUuid} and lease_token = ${run.leaseToken}
        and status = 'processing'),
    added as (
      insert into validation.leads
        (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id, slug_version, first_name,
         last_name, dob, dob_date, status, errors, warnings, validated_at, webhook_scheduled_for,
         erased_at)
      select "leadUuid", ${run.batchUuid}::uuid, "rowNumber", "lineNumber", ${tenantId}::uuid,
        "leadId", "slugVersion", "firstName", "lastName", dob, "dobDate", status, errors, warnings,
        "validatedAt", "webhookScheduledFor", case when "isErased" then "validatedAt" end
      from json_to_recordset(${JSON.stringify(leads)}::json) as lead
        ("leadUuid" uuid, "rowNumber" integer, "lineNumber" integer, "leadId" text,
         "slugVersion" smallint, "firstName" text, "lastName" text, dob text, "dobDate" date,
         status text, errors json, warnings json, "validatedAt" timestamptz,
         "webhookScheduledFor" timestamptz, "isErased" boolean)
      where exists (select from held)
      on conflict do nothing returning 1)
    select exists (select from held) as "isHeld",
      (select count(*) from added)::integer as "addedCount"`.execute(db);
  const { isHeld = false, addedCount = 0 } = rows[0] ?? {};
  if (!isHeld) return "stopped";
  return addedCount === leads.length ? "stored" : "kept";
}

/** The last row that is stored: chunks are stored in order, so all rows before it are. */
export async function findLastStoredRow(
  db: Kysely<Database>,
  { batchUuid }: Pick<Batch, "batchUuid">,
): Promise<number> {
  // max() reads one entry from the end of the unique index (batch_id, row_number).
  const { rows } = await sql<{ rowNumber: number }>`
    select coalesce(max(row_number), 0) as "rowNumber" from validation.leads
    where batch_id = ${batchUuid}`.execute(db);
  return rows[0]?.rowNumber ?? 0;
}

export interface RowRange {
  readonly firstRow: number;
  readonly lastRow: number;
}

/** The stored rows of a range, in order, along the unique index (batch_id, row_number). */
export async function loadLeads(
  db: Kysely<Database>,
  { batchUuid }: Pick<Batch, "batchUuid">,
  { firstRow, lastRow }: RowRange,
): Promise<readonly LeadRecord[]> {
  const { rows } = await sql<LeadRecord>`
    select lead_uuid as "leadUuid", row_number as "rowNumber", line_number as "lineNumber",
      lead_id as "leadId", slug_version as "slugVersion", first_name as "firstName",
      last_name as "lastName", dob, dob_date as "dobDate", status, errors, warnings,
      ${isoText(sql`validated_at`)} as "validatedAt",
      ${isoText(sql`webhook_scheduled_for`)} as "webhookScheduledFor",
      erased_at is not null as "isErased"
    from validation.leads
    where batch_id = ${batchUuid} and row_number between ${firstRow} and ${lastRow}
    order by row_number`.execute(db);
  if (rows.length !== lastRow - firstRow + 1) throw new Error("stored rows have a gap");
  return rows;
}

/** The text that was stored: it had milliseconds. */
function isoText(column: ReturnType<typeof sql>) {
  return sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** What the table holds of a batch: the last word on whether every row has its verdict. */
export async function countLeads(
  db: Kysely<Database>,
  { batchUuid }: Pick<Batch, "batchUuid">,
): Promise<RowCounts> {
  const { rows } = await sql<RowCounts>`
    select count(*) filter (where status = 'valid') as valid,
      count(*) filter (where status = 'invalid') as invalid,
      count(*) filter (where status = 'skipped') as skipped
    from validation.leads where batch_id = ${batchUuid}`.execute(db);
  return rows[0] ?? { valid: 0, invalid: 0, skipped: 0 };
}
