import type { FindingCount } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { FindingPlace } from "./domain/cursor.ts";

export type Severity = FindingCount["severity"];

export interface FoundFinding extends FindingPlace {
  readonly lineNumber: number;
  readonly field: string;
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly value: string | null;
}

export interface FindingListing {
  readonly tenantId: string;
  readonly batchUuid: string;
  readonly code: string | undefined;
  readonly severity: Severity | undefined;
  readonly after: FindingPlace;
  readonly limit: number;
}

/**
 * Every finding of a batch as a row; errors of a lead before its warnings. A batch has a bounded
 * number of leads, which come along the unique (batch_id, row_number). Findings stored before they
 * carried a severity have that of the list they stand in.
 */
const FINDINGS = sql`
  validation.leads as l
  cross join lateral (
    select item, 'error' as fallback, ordinality from json_array_elements(l.errors) with ordinality as e(item, ordinality)
    union all
    select item, 'warning', json_array_length(l.errors) + ordinality
    from json_array_elements(l.warnings) with ordinality as w(item, ordinality)) as f
  cross join lateral (
    select f.item->>'code' as code, coalesce(f.item->>'severity', f.fallback) as severity,
      f.item->>'field' as field) as p`;

/** In row order, from one place on. */
export async function listFindings(db: Kysely<Database>, listing: FindingListing) {
  const { tenantId, batchUuid, code, severity, after, limit } = listing;
  const { rows } = await sql<FoundFinding>`
    select l.row_number as "rowNumber", l.line_number as "lineNumber", f.ordinality as ordinal,
      p.field, p.code, p.severity, f.item->>'message' as message,
      case p.field when 'first_name' then l.first_name when 'last_name' then l.last_name
                   when 'dob' then l.dob end as value
    from ${FINDINGS}
    where l.batch_id = ${batchUuid} and l.tenant_id = ${tenantId}
      and l.row_number >= ${after.rowNumber}
      and (l.row_number, f.ordinality) > (${after.rowNumber}, ${after.ordinal})
      and ${code === undefined ? sql`true` : sql`p.code = ${code}`}
      and ${severity === undefined ? sql`true` : sql`p.severity = ${severity}`}
    order by l.row_number, f.ordinality limit ${limit + 1}`.execute(db);
  const page = rows.slice(0, limit);
  return { findings: page, next: rows.length > limit ? (page.at(-1) ?? null) : null };
}

/** Over the whole batch, the most frequent first. */
export async function countFindings(
  db: Kysely<Database>,
  tenantId: string,
  batchUuid: string,
): Promise<readonly FindingCount[]> {
  const { rows } = await sql<FindingCount>`
    select p.code, p.severity, count(*) as count from ${FINDINGS}
    where l.batch_id = ${batchUuid} and l.tenant_id = ${tenantId}
    group by p.code, p.severity order by count(*) desc, p.code`.execute(db);
  return rows;
}
