import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";

import { batchUploaded } from "@valify/contracts";
import { Problem } from "@valify/contracts/api";

import { countEvents } from "../support/event-reader.ts";
import { leadCsv, leadLine } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";

const LIMITS = { MAX_LEADS_PER_FILE: "20", MAX_FILE_BYTES: "4096" };
const ZIP_MAGIC = Buffer.from("504b0304140000000800", "hex");

const REFUSALS = [
  { what: "without a header", file: `${leadLine(1)}\n`, status: 422, code: "HEADER_MISSING" },
  { what: "that is empty", file: "", status: 422, code: "FILE_EMPTY" },
  {
    what: "with too many rows",
    file: leadCsv({ valid: 21 }),
    status: 413,
    code: "FILE_TOO_MANY_ROWS",
  },
  {
    what: "that is too large",
    file: `${leadCsv({ valid: 3 })}${"\n".repeat(5_000)}`,
    status: 413,
    code: "FILE_TOO_LARGE",
  },
  {
    what: "that is an Excel workbook",
    file: Buffer.concat([ZIP_MAGIC, Buffer.from("[Content_Types].xml xl/workbook.xml")]),
    status: 415,
    code: "FILE_TYPE_XLSX",
  },
];

// Goal: a file that is refused leaves no trace, and says why in a code a program can read.
// Method: one stack with small limits; after each refusal every store is looked into.
test("a refused upload is a problem with a code, and nothing is stored or queued", async (t) => {
  await using stack = await startStack({ env: LIMITS });

  for (const { what, file, status, code } of REFUSALS) {
    await t.test(`a file ${what} is ${status} ${code}`, async () => {
      await assertRefused(await stack.api.post(file), status, code);
    });
  }
  await t.test("an upload without a key, or with a wrong one, is 401", async () => {
    const csv = leadCsv({ valid: 1 });
    await assertRefused(await stack.api.post(csv, { apiKey: null }), 401);
    await assertRefused(await stack.api.post(csv, { apiKey: `${stack.apiKey}x` }), 401);
  });
  await t.test("nothing of all that is stored or queued", () => assertNoTrace(stack));

  await t.test("a failing object store is a 5xx and no batch; repaired, all is well", async () => {
    // A file where the folder should be: no write below it can succeed, even for root.
    await rm(stack.objectStorePath, { recursive: true });
    await writeFile(stack.objectStorePath, "");
    const response = await stack.api.post(leadCsv({ valid: 2 }));
    assert(response.status >= 500, `${response.status}`);
    assert.match(Problem.parse(await response.json()).code, /^[A-Z_]+$/);
    await stack.waitFor(async () => !(await isHealthy(stack)), "/health says it is not well");
    await rm(stack.objectStorePath);
    await mkdir(stack.objectStorePath);
    await assertNoTrace(stack);

    await stack.waitFor(() => isHealthy(stack), "/health says it is well again");
    const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: 2 }));
    await stack.waitForStatus(batchId, "completed");
  });
});

// Goal: a client that never saw the answer may simply send again.
test("an idempotency key makes a repeated upload the same batch", async () => {
  await using stack = await startStack({ webhookDelay: "PT0S" });
  const { api, receiver } = stack;
  const csv = leadCsv({ valid: 3 });
  const idempotencyKey = "upload-1";

  const first = await api.upload(csv, { idempotencyKey });
  const again = await api.post(csv, { idempotencyKey });
  assert(again.ok, `${again.status}`);
  const body: unknown = await again.json();
  assert(typeof body === "object" && body !== null && "batch_id" in body);
  assert.equal(body.batch_id, first.batch_id);
  const other = await api.post(leadCsv({ valid: 4 }), { idempotencyKey });
  assert(other.status >= 400 && other.status < 500, `${other.status}: the key has another file`);
  assert.match(Problem.parse(await other.json()).code, /^IDEMPOTENCY_/);

  await stack.waitFor(
    async () => (await api.webhookCounts(first.batch_id)).sent === 3,
    "the three webhooks are sent",
  );
  assert.equal(receiver.received.length, 3);
  assert.equal(await countEvents(stack.nats.url, batchUploaded), 1);
});

async function assertRefused(response: Response, status: number, code?: string): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const problem = Problem.parse(JSON.parse(text));
  assert.equal(problem.status, status);
  if (code === undefined) assert.match(problem.code, /^[A-Z_]+$/);
  else assert.equal(problem.code, code);
}

async function assertNoTrace({ db, nats, objectStorePath }: Stack): Promise<void> {
  const { rows } = await db.query<{ batches: number; events: number }>(
    `select (select count(*)::int from ingest.batches) as batches,
      (select count(*)::int from ingest.outbox) as events`,
  );
  assert.deepEqual(rows, [{ batches: 0, events: 0 }]);
  assert.equal(await countEvents(nats.url, batchUploaded), 0);
  const entries = await readdir(objectStorePath, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    entries.filter((entry) => entry.isFile()),
    [],
  );
}

async function isHealthy({ ingestUrl }: Stack): Promise<boolean> {
  const response = await fetch(`${ingestUrl}/health`);
  const body: unknown = await response.json();
  assert(typeof body === "object" && body !== null && "status" in body);
  assert.equal(body.status, response.ok ? "healthy" : "unhealthy");
  return response.ok;
}
