import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

// @boundaries-ignore the demo's receiver and client are the tests', and deploy/local is no package
import { type ApiClient, createApiClient } from "../../test/support/api-client.ts";
// @boundaries-ignore the demo's receiver and client are the tests', and deploy/local is no package
import { startWebhookReceiver, type WebhookReceiver } from "../../test/support/webhook-receiver.ts";
import { ROOT, StartError } from "./checkout.ts";
import { type LocalStack, type StackOptions, startLocalStack } from "./local-stack.ts";
import { freePorts } from "./ports.ts";
import { removePostgresData } from "./postgres-place.ts";
import { keepSecrets } from "./secrets.ts";

const SAMPLE = "docs/sample-leads.csv";
const DELAY_SECONDS = 5;
const DEADLINE_MS = 45_000;
const POLL_MS = 100;
const HOST = "127.0.0.1";
/** A setting of the user's own start must not lead the demo to his database or his customers. */
const NOT_FOR_DEMO =
  /^(DATABASE_URL|NATS_URL|OBJECT_STORE_URL|S3_BUCKET|MAX_.*|WEBHOOK_.*|ADMIN_.*)$/;

export type DemoOptions = Pick<StackOptions, "say" | "onLine" | "signal">;

/** The whole way of a file, from upload to verified webhooks. Rejects with the reason otherwise. */
export async function runDemo(options: DemoOptions): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "valify-demo-"));
  cleanup.defer(async () => {
    await removePostgresData(join(dataDir, "postgres"));
    await rm(dataDir, { recursive: true, force: true });
  });
  await chmod(dataDir, 0o711);
  const { secrets } = await keepSecrets(dataDir);
  const webhookSecret = `whsec_${randomBytes(32).toString("base64")}`;
  const receiver = cleanup.use(await startWebhookReceiver({ secret: webhookSecret }));
  const own = Object.entries(process.env).filter(([name]) => !NOT_FOR_DEMO.test(name));
  const env = {
    ...Object.fromEntries(own),
    ...secrets,
    WEBHOOK_URL: receiver.url,
    WEBHOOK_SECRET: webhookSecret,
    WEBHOOK_DELAY: `PT${DELAY_SECONDS}S`,
    WEBHOOK_RATE_PER_SECOND: "0",
    WEBHOOK_ALLOW_HTTP: "true",
    WEBHOOK_ALLOWED_CIDRS: "127.0.0.0/8",
  };
  const [ingest = 0, validator = 0, scheduler = 0, dispatcher = 0] = await freePorts(4);
  const ports = { ingest, validator, scheduler, dispatcher };
  const stack = await startLocalStack({ ...options, host: HOST, ports, dataDir, env }, cleanup);
  const api = createApiClient(stack.url, secrets.BOOTSTRAP_API_KEY);
  await followSample(api, receiver, stack, options);
}

async function followSample(
  api: ApiClient,
  receiver: WebhookReceiver,
  stack: LocalStack,
  { say, signal }: DemoOptions,
): Promise<void> {
  const wait = createWait(stack, signal);
  const file = await readFile(join(ROOT, SAMPLE), "utf8");
  const { batch_id: batchId, total_leads: rowCount } = await api.upload(file, {
    filename: "sample-leads.csv",
  });
  say(`\nUploaded   ${SAMPLE}: ${rowCount} rows, ${batchId}`);

  await wait("the batch is completed", async () => {
    const { status } = await api.batchStatus(batchId);
    if (status === "failed") throw new StartError("the batch failed");
    return status === "completed";
  });
  const batch = await api.batchStatus(batchId);
  const { valid_leads: valid, invalid_leads: invalid, skipped_rows: skipped } = batch;
  say(
    `Validated  ${valid} valid, ${invalid} invalid, ${skipped} skipped (cannot be read as a lead)`,
  );
  if (valid + invalid + skipped !== rowCount) throw new StartError("the counts do not add up");

  say(`Waiting    webhooks leave ${DELAY_SECONDS} s after validation`);
  let shownCount = 0;
  await wait(`${valid + invalid} webhooks are sent`, async () => {
    for (const webhook of receiver.received.slice(shownCount)) say(describe(webhook));
    shownCount = receiver.received.length;
    return (await api.webhookCounts(batchId)).sent >= valid + invalid;
  });
  for (const webhook of receiver.received.slice(shownCount)) say(describe(webhook));

  const { leads } = await api.webhookStatus(batchId);
  const problems = findProblems(
    receiver.received,
    leads.map(({ lead_uuid: leadUuid }) => leadUuid),
  );
  if (leads.length !== valid + invalid) problems.push(`${leads.length} leads were announced`);
  if (problems.length > 0) throw new StartError(["the demo failed", ...problems].join("\n  "));
  say(
    `\nDone: ${receiver.received.length} webhooks for ${valid + invalid} leads, each once, verified, none early.`,
  );
}

type Webhook = WebhookReceiver["received"][number];

/** What a customer would complain about. */
export function findProblems(received: readonly Webhook[], leadUuids: readonly string[]): string[] {
  const problems = leadUuids.flatMap((leadUuid, index) => {
    const count = received.filter(({ body }) => body.lead_uuid === leadUuid).length;
    return count === 1
      ? []
      : [`lead ${index + 1} of the list was notified ${count} times, not once`];
  });
  for (const { id, verified, body, atMs } of received) {
    if (!verified) problems.push(`${id}: the signature is not accepted`);
    if (!leadUuids.includes(body.lead_uuid)) problems.push(`${id}: this lead is not of the batch`);
    if (atMs < Date.parse(body.webhook_scheduled_for)) problems.push(`${id}: came early`);
  }
  return problems;
}

function describe({ id, body, verified, atMs }: Webhook): string {
  const lateMs = Math.round(atMs - Date.parse(body.webhook_scheduled_for));
  const verdict = body.validation_status.padEnd(7);
  const row = String(body.row).padStart(3);
  return `Webhook    row ${row}  ${verdict}  ${verified ? "verified" : "NOT VERIFIED"}  ${lateMs} ms after its time  ${id}`;
}

function createWait(stack: LocalStack, signal: AbortSignal) {
  let broken: StartError | undefined;
  void stack.broken.then((error) => (broken = error));
  return async (what: string, isDone: () => Promise<boolean>): Promise<void> => {
    const startedAt = performance.now();
    while (!(await isDone())) {
      signal.throwIfAborted();
      if (broken !== undefined) throw broken;
      if (performance.now() - startedAt > DEADLINE_MS) {
        throw new StartError(`gave up after ${DEADLINE_MS / 1000} s waiting until ${what}`);
      }
      await delay(POLL_MS);
    }
  };
}
