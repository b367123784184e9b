import {
  compileRuleset,
  createDuplicateFinder,
  type Dialect,
  type FileRow,
  type JudgedRow,
  judgeRow,
  type RowVerdict,
  type Ruleset,
  withFinding,
} from "@valify/lead-file";

import type { Batch } from "./batch.ts";
import { forgetSuppressed } from "./forget-suppressed.ts";
import type { LeadRecord } from "./lead-record.ts";

export interface ChunkJudgeOptions {
  readonly batch: Pick<Batch, "asOf" | "webhookDelayMs" | "ruleProfile">;
  readonly dialect: Dialect;
  readonly leadUuidOf: (rowNumber: number) => string;
  /** Whole milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** A row with what is said of it so far: other batches and an external check may add to it. */
export type Draft = JudgedRow;

export interface ChunkJudge {
  readonly ruleset: Ruleset;
  /** Rows that an earlier run judged: later rows may repeat them. */
  readonly remember: (leads: readonly LeadRecord[]) => void;
  /** By the rules that the file alone decides. */
  readonly judge: (rows: readonly FileRow[]) => readonly Draft[];
  /** The verdicts as they are stored. One instant for the chunk, read when all was said. */
  readonly seal: (drafts: readonly Draft[]) => readonly LeadRecord[];
}

/** Judges a file in chunks. Feed every row once and in order, by `remember` or `judge`. */
export function createChunkJudge(options: ChunkJudgeOptions): ChunkJudge {
  const { batch, dialect, leadUuidOf, nowMs } = options;
  const ruleset = compileRuleset(batch.ruleProfile);
  const duplicates = createDuplicateFinder(ruleset);
  const context = { asOf: batch.asOf, ruleset };

  function verdictOn(row: FileRow): RowVerdict {
    const verdict = judgeRow(row, dialect, context);
    const duplicate = duplicates.check(row.rowNumber, verdict.leadId, verdict.dobDate);
    return duplicate === null ? verdict : withFinding(verdict, duplicate);
  }

  return {
    ruleset,
    remember(leads) {
      for (const { rowNumber, leadId, dobDate } of leads) {
        duplicates.check(rowNumber, leadId, dobDate);
      }
    },
    judge: (rows) => rows.map((row) => ({ row, verdict: verdictOn(row) })),
    seal(drafts) {
      const judgedMs = nowMs();
      const times = {
        validatedAt: new Date(judgedMs).toISOString(),
        webhookScheduledFor: new Date(judgedMs + batch.webhookDelayMs).toISOString(),
      };
      return drafts.map(({ row: { rowNumber, lineNumber }, verdict }) => {
        const leadUuid = leadUuidOf(rowNumber);
        return { ...forgetSuppressed(verdict), leadUuid, rowNumber, lineNumber, ...times };
      });
    },
  };
}
