import { leadCsv } from "../support/lead-csv.ts";
import { startStack } from "../support/stack.ts";
import { printPeakMemory } from "./memory.ts";
import { percentile, print } from "./report.ts";

const LEADS_PER_FILE = 10_000;
const FILES = 8;
const COLD_FILES = 2;

/** What one validator does with one file after the other: from the claim to the end of the run. */
export async function measureValidator(): Promise<void> {
  await using stack = await startStack({ webhookDelay: "PT24H", ownPostgres: "durable" });
  for (let file = 0; file < FILES; file += 1) {
    const csv = leadCsv({ valid: LEADS_PER_FILE, from: file * LEADS_PER_FILE });
    const { batch_id: batchId } = await stack.api.upload(csv);
    await stack.waitForStatus(batchId, "completed", 60_000);
  }
  const { rows } = await stack.db.query<{ seconds: number }>(
    `select extract(epoch from ended_at - started_at)::float8 as seconds
     from validation.runs order by started_at`,
  );
  const seconds = rows.slice(COLD_FILES).map((row) => row.seconds);
  const rate = LEADS_PER_FILE / percentile(seconds, 0.5);
  print({ name: "validator.rows_per_second.median", value: rate, unit: "rows/s", bar: null });
  printPeakMemory(stack, "validator");
}
