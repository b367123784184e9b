import { createApiClient } from "../support/api-client.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { addTenant } from "./add-tenant.ts";
import { percentile, print } from "./report.ts";

const FULL_FILES = 50;
const LEADS_PER_FULL_FILE = 10_000;
const SMALL_LEADS = 100;
const PROBES = 5;
const DEADLINE_MS = 300_000;

/** How long a tenant's 100 rows take, alone and while another tenant has 50 full files at work. */
export async function measureFairness(): Promise<void> {
  await using stack = await startStack({ webhookDelay: "PT24H", ownPostgres: "durable" });
  const small = createApiClient(stack.ingestUrl, (await addTenant(stack)).key);

  const aloneMs: number[] = [];
  for (let probe = 0; probe < PROBES; probe += 1)
    aloneMs.push(await timeSmall(stack, small, probe));

  const uploads = Array.from({ length: FULL_FILES }, (_, index) =>
    stack.api.upload(
      leadCsv({ valid: LEADS_PER_FULL_FILE, from: (index % 25) * LEADS_PER_FULL_FILE }),
    ),
  );
  // While the other's uploads still come in, and after.
  const besideMs: number[] = [];
  for (let probe = 0; probe < PROBES; probe += 1) {
    besideMs.push(await timeSmall(stack, small, PROBES + probe));
  }
  const batches = await Promise.all(uploads);
  const isBusy = (await stack.api.batchStatus(batches.at(-1)?.batch_id ?? "")).status === "pending";
  for (let probe = 0; probe < PROBES; probe += 1) {
    besideMs.push(await timeSmall(stack, small, 2 * PROBES + probe));
  }
  await Promise.all(
    batches.map(({ batch_id: id }) => stack.waitForStatus(id, "completed", DEADLINE_MS)),
  );
  print({
    name: "fairness.rows_100.alone.median",
    value: percentile(aloneMs, 0.5),
    unit: "ms",
    bar: null,
  });
  print({
    name: "fairness.rows_100.beside_50_files.max",
    value: Math.max(...besideMs),
    unit: "ms",
    bar: "<= 2000 more",
  });
  print({ name: "fairness.other_still_waiting", value: isBusy ? 1 : 0, unit: "yes", bar: "1" });
}

/** From the upload to completed, by asking as a client would. */
async function timeSmall(
  stack: Stack,
  api: ReturnType<typeof createApiClient>,
  probe: number,
): Promise<number> {
  const startMs = performance.now();
  const { batch_id: batchId } = await api.upload(
    leadCsv({ valid: SMALL_LEADS, from: probe * SMALL_LEADS }),
  );
  const isDone = async () => (await api.batchStatus(batchId)).status === "completed";
  await stack.waitFor(isDone, "the small batch is completed", DEADLINE_MS);
  return performance.now() - startMs;
}
