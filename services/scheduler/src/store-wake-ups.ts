import type { Database } from "@valify/database";
import { createBatcher, PermanentError } from "@valify/runtime";
import type { Kysely } from "kysely";

import { DUE_AHEAD_MAX_MS } from "./domain/due-leaf.ts";
import { insertDueRows, type NewDueRow } from "./due-queries.ts";
import type { Leaves } from "./leaves.ts";

export interface StoreWakeUpsDeps {
  readonly db: Kysely<Database>;
  readonly leaves: Leaves;
  /** Told the earliest due instant of what was just committed. */
  readonly onStored: (earliestDueMs: number) => void;
}

export interface WakeUpStore {
  /** Resolves once the row is committed. */
  add(row: NewDueRow): Promise<void>;
}

const ROWS_MAX = 2_000;
const DELAY_MS = 5;

/** Many messages, one statement: resolves for each row once its batch is committed. */
export function createWakeUpStore(deps: StoreWakeUpsDeps): WakeUpStore {
  const batcher = createBatcher<NewDueRow, undefined>({
    itemsMax: ROWS_MAX,
    delayMs: DELAY_MS,
    concurrency: 2,
    run: async (rows) => {
      const dueMs = rows.map(({ dueAt }) => Date.parse(dueAt));
      await deps.leaves.ensure(dueMs);
      await insertDueRows(deps.db, rows);
      deps.onStored(dueMs.reduce((earliest, ms) => Math.min(earliest, ms), Infinity));
      return rows.map(() => undefined);
    },
  });
  return {
    async add(row) {
      // Alone, before it can fail the statement of a thousand others. Our clock will do for a limit
      // of more than a year.
      if (Date.parse(row.dueAt) > Date.now() + DUE_AHEAD_MAX_MS) {
        throw new PermanentError("due more than 400 days ahead", { code: "DUE_TOO_FAR" });
      }
      await batcher.add(row);
    },
  };
}
