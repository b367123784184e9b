import { setImmediate as nextTurn } from "node:timers/promises";

import type { FindingCount, RuleProfile } from "@valify/contracts/api";
import {
  type CalendarDate,
  compileRuleset,
  createDuplicateFinder,
  type FileRow,
  judgeRow,
  type LeadFile,
  ruleProfileOf,
  type RowVerdict,
  withFinding,
} from "@valify/lead-file";

export interface JudgedRow {
  readonly row: FileRow;
  readonly verdict: RowVerdict;
}

export interface FileJudgement {
  readonly validCount: number;
  readonly invalidCount: number;
  readonly skippedCount: number;
  /** The most frequent first. */
  readonly counts: readonly FindingCount[];
  readonly firstRows: readonly JudgedRow[];
}

const FIRST_ROWS = 10;
/** Rows that are judged before anybody else gets the event loop: about 10 ms. */
const ROWS_PER_TURN = 1_000;

/**
 * Judges a whole file as the validator would, but for what only the validator can know: the leads
 * of earlier batches, and an external check.
 */
export async function judgeFile(
  file: LeadFile,
  profile: RuleProfile,
  asOf: CalendarDate,
): Promise<FileJudgement> {
  const ruleset = compileRuleset(ruleProfileOf(profile));
  const duplicates = createDuplicateFinder(ruleset);
  const tally = { valid: 0, invalid: 0, skipped: 0 };
  const counts = new Map<string, FindingCount>();
  const firstRows: JudgedRow[] = [];
  for (const [index, row] of file.rows.entries()) {
    if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await nextTurn();
    const judged = judgeRow(row, file.dialect, { asOf, ruleset });
    const duplicate = duplicates.check(row.rowNumber, judged.leadId, judged.dobDate);
    const verdict = duplicate === null ? judged : withFinding(judged, duplicate);
    tally[verdict.status] += 1;
    for (const { code, severity } of [...verdict.errors, ...verdict.warnings]) {
      const count = (counts.get(code)?.count ?? 0) + 1;
      counts.set(code, { code, severity, count });
    }
    if (firstRows.length < FIRST_ROWS) firstRows.push({ row, verdict });
  }
  return {
    validCount: tally.valid,
    invalidCount: tally.invalid,
    skippedCount: tally.skipped,
    counts: [...counts.values()].toSorted((a, b) => b.count - a.count),
    firstRows,
  };
}
