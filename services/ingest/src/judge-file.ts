import { setImmediate as nextTurn } from "node:timers/promises";

import type { FindingCount, RuleProfile } from "@valify/contracts/api";
import {
  type CalendarDate,
  compileRuleset,
  createDuplicateFinder,
  type FileRow,
  type JudgedRow,
  judgeRow,
  type KnownLead,
  type LeadFile,
  questionsOf,
  ruleProfileOf,
  withFinding,
  withKnown,
} from "@valify/lead-file";

export interface FileJudgement {
  readonly validCount: number;
  readonly invalidCount: number;
  readonly skippedCount: number;
  /** The most frequent first. */
  readonly counts: readonly FindingCount[];
  readonly firstRows: readonly JudgedRow[];
}

export interface JudgeFileOptions {
  readonly profile: RuleProfile;
  readonly asOf: CalendarDate;
  /** What earlier batches have to say to these leads. */
  readonly findKnown: (leadIds: readonly string[]) => Promise<ReadonlyMap<string, KnownLead>>;
}

const FIRST_ROWS = 10;
/** Rows that are judged before anybody else gets the event loop: about 10 ms. */
const ROWS_PER_TURN = 1_000;

/**
 * Judges a whole file as the validator would, but for an external check, which is given nobody's
 * data unasked. Nothing is claimed: of two files at once each may be told that it is the first.
 */
export async function judgeFile(
  file: LeadFile,
  { profile, asOf, findKnown }: JudgeFileOptions,
): Promise<FileJudgement> {
  const ruleset = compileRuleset(ruleProfileOf(profile));
  const duplicates = createDuplicateFinder(ruleset);
  const tally = createTally();

  function judge(row: FileRow): JudgedRow {
    const verdict = judgeRow(row, file.dialect, { asOf, ruleset });
    const duplicate = duplicates.check(row.rowNumber, verdict.leadId, verdict.dobDate);
    return { row, verdict: duplicate === null ? verdict : withFinding(verdict, duplicate) };
  }

  for (let start = 0; start < file.rows.length; start += ROWS_PER_TURN) {
    await nextTurn();
    const judged = file.rows.slice(start, start + ROWS_PER_TURN).map(judge);
    const leadIds = questionsOf(judged, ruleset).map(({ leadId }) => leadId);
    const known = leadIds.length === 0 ? new Map<string, never>() : await findKnown(leadIds);
    for (const row of withKnown(judged, known, ruleset)) tally.add(row);
  }
  return tally.total();
}

function createTally() {
  const rows = { valid: 0, invalid: 0, skipped: 0 };
  const counts = new Map<string, FindingCount>();
  const firstRows: JudgedRow[] = [];
  return {
    add(judged: JudgedRow): void {
      const { status, errors, warnings } = judged.verdict;
      rows[status] += 1;
      for (const { code, severity } of [...errors, ...warnings]) {
        const count = (counts.get(code)?.count ?? 0) + 1;
        counts.set(code, { code, severity, count });
      }
      if (firstRows.length < FIRST_ROWS) firstRows.push(judged);
    },
    total: (): FileJudgement => ({
      validCount: rows.valid,
      invalidCount: rows.invalid,
      skippedCount: rows.skipped,
      counts: [...counts.values()].toSorted((a, b) => b.count - a.count),
      firstRows,
    }),
  };
}
