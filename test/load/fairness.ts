import { createApiClient } from "../support/api-client.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { addTenant } from "./add-tenant.ts";
import { percentile, print } from "./report.ts";

const FULL_FILES = 50;
const LEADS_PER_FULL_FILE = 10_000;
/** The pipeline takes the same bytes again where that is said; 250,000 distinct leads are enough. */
const DISTINCT_FILES = 25;
const SMALL_LEADS = 100;
const PROBES = 5;
const DEADLINE_MS = 300_000;

/** How long a tenant's 100 rows take, alone and while another tenant has 50 full files at work. */
export async function measureFairness(): Promise<void> {
  await using stack = await startStack({ webhookDelay: "PT24H", ownPostgres: "durable" });
  const small = createApiClient(stack.ingestUrl, (await addTenant(stack)).key);

  const alone = await timeSmallFiles(stack, small, 0);

  // Made before, so that the clock does not measure this process.
  const files = Array.from({ length: DISTINCT_FILES }, (_, index) =>
    leadCsv({ valid: LEADS_PER_FULL_FILE, from: index * LEADS_PER_FULL_FILE }),
  );
  const uploads = Array.from({ length: FULL_FILES }, (_, index) =>
    stack.api.upload(files[index % DISTINCT_FILES] ?? ""),
  );
  const whileUploading = await timeSmallFiles(stack, small, 1);
  const batches = await Promise.all(uploads);
  const whileValidating = await timeSmallFiles(stack, small, 2);
  const last = await stack.api.batchStatus(batches.at(-1)?.batch_id ?? "");
  await Promise.all(
    batches.map(({ batch_id: id }) => stack.waitForStatus(id, "completed", DEADLINE_MS)),
  );

  printTimes("alone", alone, null);
  printTimes("while_50_files_are_uploaded", whileUploading, "<= 2000 more");
  printTimes("while_50_files_are_validated", whileValidating, "<= 2000 more");
  const isStillWaiting = last.status === "pending" ? 1 : 0;
  print({ name: "fairness.other_still_waiting", value: isStillWaiting, unit: "yes", bar: "1" });
}

interface Times {
  readonly acceptedMs: number;
  readonly completedMs: number;
}

function printTimes(when: string, times: readonly Times[], bar: string | null): void {
  const name = `fairness.rows_100.${when}`;
  const accepted = times.map(({ acceptedMs }) => acceptedMs);
  const completed = times.map(({ completedMs }) => completedMs);
  print({ name: `${name}.202.max`, value: Math.max(...accepted), unit: "ms", bar: null });
  print({ name: `${name}.median`, value: percentile(completed, 0.5), unit: "ms", bar: null });
  print({ name: `${name}.max`, value: Math.max(...completed), unit: "ms", bar });
}

/** From the upload to completed, one after the other, by asking as a client would. */
async function timeSmallFiles(
  stack: Stack,
  api: ReturnType<typeof createApiClient>,
  round: number,
): Promise<readonly Times[]> {
  const times: Times[] = [];
  for (let probe = 0; probe < PROBES; probe += 1) {
    const from = (round * PROBES + probe) * SMALL_LEADS;
    const startMs = performance.now();
    const { batch_id: batchId } = await api.upload(leadCsv({ valid: SMALL_LEADS, from }));
    const acceptedMs = performance.now() - startMs;
    const isDone = async () => (await api.batchStatus(batchId)).status === "completed";
    await stack.waitFor(isDone, "the small batch is completed", DEADLINE_MS);
    times.push({ acceptedMs, completedMs: performance.now() - startMs });
  }
  return times;
}
