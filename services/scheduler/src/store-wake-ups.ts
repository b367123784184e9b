import type { Database } from "@valify/database";
import { type Batcher, createBatcher } from "@valify/runtime";
import type { Kysely } from "kysely";

import { insertDueRows, type NewDueRow } from "./due-queries.ts";
import type { Leaves } from "./leaves.ts";

export interface StoreWakeUpsDeps {
  readonly db: Kysely<Database>;
  readonly leaves: Leaves;
  /** Told the earliest due instant of what was just committed. */
  readonly onStored: (earliestDueMs: number) => void;
}

const ROWS_MAX = 1_000;
const DELAY_MS = 5;

/** Many messages, one statement: resolves for each row once its batch is committed. */
export function createWakeUpStore(deps: StoreWakeUpsDeps): Batcher<NewDueRow, undefined> {
  return createBatcher<NewDueRow, undefined>({
    itemsMax: ROWS_MAX,
    delayMs: DELAY_MS,
    concurrency: 2,
    run: async (rows) => {
      const dueMs = rows.map(({ dueAt }) => Date.parse(dueAt));
      // A leaf for now as well: what is long past is moved there.
      await deps.leaves.ensure(dueMs);
      await insertDueRows(deps.db, rows);
      deps.onStored(dueMs.reduce((earliest, ms) => Math.min(earliest, ms), Infinity));
      return rows.map(() => undefined);
    },
  });
}
