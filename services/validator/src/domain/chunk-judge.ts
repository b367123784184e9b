import {
  compileRuleset,
  createDuplicateFinder,
  type Dialect,
  type FileRow,
  judgeRow,
  type RowVerdict,
  withFinding,
} from "@valify/lead-file";

import type { Batch } from "./batch.ts";
import type { LeadRecord } from "./lead-record.ts";

export interface ChunkJudgeOptions {
  readonly batch: Pick<Batch, "asOf" | "webhookDelayMs" | "ruleProfile">;
  readonly dialect: Dialect;
  readonly leadUuidOf: (rowNumber: number) => string;
  /** Whole milliseconds since 1970. */
  readonly nowMs: () => number;
}

export interface ChunkJudge {
  /** Rows that an earlier run judged: later rows may repeat them. */
  readonly remember: (leads: readonly LeadRecord[]) => void;
  /** One instant for the chunk, read after its last row was judged. */
  readonly judge: (rows: readonly FileRow[]) => readonly LeadRecord[];
}

type Times = Pick<LeadRecord, "validatedAt" | "webhookScheduledFor">;

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

  function recordOf({ rowNumber, lineNumber }: FileRow, verdict: RowVerdict, times: Times) {
    return { ...verdict, leadUuid: leadUuidOf(rowNumber), rowNumber, lineNumber, ...times };
  }

  return {
    remember(leads) {
      for (const { rowNumber, leadId, dobDate } of leads) {
        duplicates.check(rowNumber, leadId, dobDate);
      }
    },
    judge(rows) {
      const judged = rows.map((row) => ({ row, verdict: verdictOn(row) }));
      const judgedMs = nowMs();
      const times = {
        validatedAt: new Date(judgedMs).toISOString(),
        webhookScheduledFor: new Date(judgedMs + batch.webhookDelayMs).toISOString(),
      };
      return judged.map(({ row, verdict }) => recordOf(row, verdict, times));
    },
  };
}
