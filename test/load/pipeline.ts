import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { printPeakMemory } from "./memory.ts";
import { percentile, print } from "./report.ts";
import { dueRows } from "./watch.ts";

const LEADS_PER_FILE = 10_000;
const REPEATS = 5;
const FILES_AT_ONCE = 20;
const DEADLINE_MS = 120_000;

/** From the 202 to all validated, announced and scheduled: one file, then twenty at once. */
export async function measurePipeline(): Promise<void> {
  await using stack = await startStack({ webhookDelay: "PT24H", ownPostgres: "durable" });
  let scheduled = 0;
  // The first files meet cold processes and an empty cache: they are not counted.
  scheduled = await uploadAndWait(stack, 1, scheduled, () => {});
  scheduled = await uploadAndWait(stack, 1, scheduled, () => {});

  const acceptedMs: number[] = [];
  const completedMs: number[] = [];
  const scheduledMs: number[] = [];
  for (let round = 0; round < REPEATS; round += 1) {
    scheduled = await uploadAndWait(stack, 1, scheduled, (times) => {
      acceptedMs.push(times.acceptedMs);
      completedMs.push(times.completedMs);
      scheduledMs.push(times.scheduledMs);
    });
  }
  const p95 = percentile(acceptedMs, 0.95);
  print({ name: "pipeline.upload_to_202.p95", value: p95, unit: "ms", bar: "<= 250" });
  for (const [name, values, bar] of [
    ["pipeline.file_10000.completed", completedMs, null],
    ["pipeline.file_10000.scheduled", scheduledMs, "<= 1500"],
  ] as const) {
    print({ name: `${name}.median`, value: percentile(values, 0.5), unit: "ms", bar });
    print({ name: `${name}.max`, value: Math.max(...values), unit: "ms", bar });
  }

  const startMs = performance.now();
  await uploadAndWait(stack, FILES_AT_ONCE, scheduled, () => {});
  const seconds = (performance.now() - startMs) / 1_000;
  const rate = (FILES_AT_ONCE * LEADS_PER_FILE) / seconds;
  print({ name: "pipeline.files_20_at_once", value: rate, unit: "leads/s", bar: ">= 10000" });
  printPeakMemory(stack, "pipeline");
}

interface Times {
  readonly acceptedMs: number;
  readonly completedMs: number;
  readonly scheduledMs: number;
}

/** Returns how many rows are scheduled afterwards. `scheduledBefore`: how many were before. */
async function uploadAndWait(
  stack: Stack,
  files: number,
  scheduledBefore: number,
  report: (times: Times) => void,
): Promise<number> {
  const startMs = performance.now();
  const uploads = await Promise.all(
    Array.from({ length: files }, (_, index) =>
      stack.api.upload(leadCsv({ valid: LEADS_PER_FILE, from: index * LEADS_PER_FILE })),
    ),
  );
  const acceptedAtMs = performance.now();
  const wanted = scheduledBefore + files * LEADS_PER_FILE;
  let completedAtMs = Number.NaN;
  await Promise.all([
    Promise.all(
      uploads.map(({ batch_id: id }) => stack.waitForStatus(id, "completed", DEADLINE_MS)),
    ).then(() => (completedAtMs = performance.now())),
    stack.waitFor(
      async () => (await dueRows(stack)) >= wanted,
      `${wanted} scheduled rows`,
      DEADLINE_MS,
    ),
  ]);
  report({
    acceptedMs: acceptedAtMs - startMs,
    completedMs: completedAtMs - acceptedAtMs,
    scheduledMs: performance.now() - acceptedAtMs,
  });
  return wanted;
}
