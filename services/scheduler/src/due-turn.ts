import type { Database } from "@valify/database";
import { type ControlledTransaction, type Kysely, sql } from "kysely";

import { type Claim, claimDueRows, type DueRow } from "./due-queries.ts";
import { emitWhenDue, type EmitOptions } from "./emit-when-due.ts";

/** Rows taken, not yet published: they exist for nobody else until finished or put back. */
export interface Turn {
  readonly rows: readonly DueRow[];
  /** Publishes each at its instant, then commits. On any failure the rows are back in the table. */
  finish(options: EmitOptions): Promise<void>;
}

/**
 * Claims one batch in an open transaction. COMMIT is the mark; a lost mark (synchronous_commit is
 * off here alone) or a lost commit only publishes again, under the same message id.
 */
export async function beginTurn(db: Kysely<Database>, claim: Claim): Promise<Turn> {
  const trx = await db.startTransaction().execute();
  try {
    await sql`set local synchronous_commit = off`.execute(trx);
    const rows = await claimDueRows(trx, claim);
    const receivedMs = performance.now();
    const databaseUs = rows.reduce((latest, row) => Math.max(latest, row.databaseUs), 0);
    if (rows.length === 0) await trx.rollback().execute();
    return {
      rows,
      async finish(options) {
        try {
          await emitWhenDue(rows, { databaseUs, receivedMs }, options);
          await trx.commit().execute();
        } catch (error) {
          await putBack(trx);
          throw error;
        }
      },
    };
  } catch (error) {
    await putBack(trx);
    throw error;
  }
}

/** A broken connection has rolled back already; then this only returns it to the pool. */
async function putBack(trx: ControlledTransaction<Database>): Promise<void> {
  await trx
    .rollback()
    .execute()
    .catch(() => {});
}
