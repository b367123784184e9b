import type { Pool } from "pg";

import { percentile, print } from "../report.ts";
import { CLAIM_SETTINGS, claimStatement, createPool, DUE_HOURS, leafOf } from "./scheduler-code.ts";

const REPEATS = 60;

/** Claims 512 rows and rolls back, again and again; returns the median in milliseconds. */
export async function printClaimTimes(
  name: string,
  world: { readonly databaseUrl: string; readonly db: Pool; readonly dueFromMs: number },
  bar: string | null,
): Promise<number> {
  const leaf = leafOf(DUE_HOURS, world.dueFromMs);
  const pool = createPool({
    url: world.databaseUrl,
    role: "valify_scheduler",
    applicationName: "valify-load",
    settings: CLAIM_SETTINGS,
  });
  const times: number[] = [];
  const client = await pool.connect();
  for (let round = 0; round < REPEATS; round += 1) {
    await client.query("begin");
    const startMs = performance.now();
    const { rows } = await client.query(
      claimStatement({
        leaf,
        from: leaf.from,
        lookAheadMs: 6 * 3_600_000,
        limit: 512,
        limitPerLane: 128,
        firstLane: round % 16,
        withoutTenants: [],
      }),
    );
    times.push(performance.now() - startMs);
    if (rows.length !== 512) throw new Error(`claimed ${rows.length} rows`);
    await client.query("rollback");
  }
  client.release();
  await pool.end();
  // The first meet a cold cache.
  const warm = times.slice(10);
  const median = percentile(warm, 0.5);
  print({ name: `${name}.p50`, value: median, unit: "ms", bar });
  print({ name: `${name}.p99`, value: percentile(warm, 0.99), unit: "ms", bar: "<= 8" });
  return median;
}
