import type { Connection } from "@valify/database";

import {
  beginClaim,
  claimDueRows,
  type ClaimPool,
  commitClaim,
  putBackRows,
} from "./claim-queries.ts";
import type { Claim } from "./claim-statement.ts";
import type { ClockReading } from "./domain/database-clock.ts";
import type { DueRow } from "./due-queries.ts";
import type { Emission } from "./emitter.ts";

/** Rows taken, not yet published: they exist for nobody else until finished or put back. */
export interface Turn {
  readonly rows: readonly DueRow[];
  /** The database's time; undefined where nothing was claimed. */
  readonly reading: ClockReading | undefined;
  /**
   * Has the rows emitted and commits what was; puts back, and returns, what was not. Where nothing
   * was it rolls back, and so does a failure: then the rows are in the table again.
   */
  finish(emit: (rows: readonly DueRow[]) => Promise<Emission>): Promise<Emission>;
}

const NOTHING = { rows: [], reading: undefined };

/** Claims one batch in an open transaction. COMMIT is the mark. */
export async function beginTurn(pool: ClaimPool, claim: Claim): Promise<Turn> {
  const client = await pool.connect();
  try {
    const isOurs = await beginClaim(client, claim);
    const { rows, reading } = isOurs ? await claimDueRows(client, claim) : NOTHING;
    if (rows.length === 0) await rollBack(client);
    return { rows, reading, finish: (emit) => finish(client, rows, emit) };
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

async function finish(
  client: Connection,
  rows: readonly DueRow[],
  emit: (rows: readonly DueRow[]) => Promise<Emission>,
): Promise<Emission> {
  try {
    const emission = await emit(rows);
    const { mark, unsent } = emission;
    const isAllUnsent = unsent.length > 0 && mark === undefined;
    if (isAllUnsent) {
      await rollBack(client);
      return emission;
    }
    // Publishing twice is safe, but one message that the stream refuses must not hold up the rest.
    if (unsent.length > 0) await putBackRows(client, unsent);
    await commitClaim(client, mark);
    client.release();
    return emission;
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

/** A broken connection has rolled back already; then it is thrown away. */
async function rollBack(client: Connection): Promise<void> {
  try {
    await client.query("rollback");
    client.release();
  } catch {
    client.release(true);
  }
}
