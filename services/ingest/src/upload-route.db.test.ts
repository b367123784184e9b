import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { batchUploaded, uuidOfBatchId } from "@valify/contracts";
import { createObjectStore } from "@valify/runtime";
import type { LightMyRequestResponse } from "fastify";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { AUTH, createTestApp, CSV, formOf, type TestApp, upload } from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp({ config: { MAX_FILE_BYTES: 20_000, MAX_LEADS_PER_FILE: 100 } });
});
after(() => t[Symbol.asyncDispose]());

interface Answer {
  readonly code: string;
  readonly batch_id: string;
  readonly detail: string;
}

async function countOf(table: string): Promise<number> {
  const { rows } = await t.owner.query(`select count(*) as count from ${table}`);
  return Number(rows[0].count);
}

async function storedFiles(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** What an upload leaves behind where it may leave nothing. */
async function traces() {
  const { length } = await storedFiles(t.folder);
  return [length, await countOf("ingest.batches"), await countOf("ingest.outbox")];
}

test("stores the file, the batch and its event, and says where to look", async () => {
  const wakesBefore = t.wakeCount();
  const response = await upload(t.app);
  assert.equal(response.statusCode, 202);
  const answer = response.json<Answer>();
  assert.deepEqual(answer, {
    batch_id: answer.batch_id,
    status: "pending",
    filename: "leads.csv",
    total_leads: 2,
    warnings: [],
  });
  assert.equal(response.headers.location, `/batch_status/${answer.batch_id}`);

  const batchUuid = uuidOfBatchId(answer.batch_id);
  const objectKey = `uploads/${DEFAULT_TENANT_ID}/${batchUuid}.csv`;
  assert.equal(await readFile(join(t.folder, objectKey), "utf8"), CSV);
  const { rows } = await t.owner.query("select * from ingest.batches where batch_id = $1", [
    batchUuid,
  ]);
  assert.equal(rows[0].object_key, objectKey);
  assert.equal(rows[0].encoding, "utf-8");
  assert.deepEqual(rows[0].content_sha256, createHash("sha256").update(CSV).digest());

  const { rows: outbox } = await t.owner.query("select subject, event from ingest.outbox");
  const entry = outbox.find(({ event }) => event.batch_id === answer.batch_id);
  assert.equal(entry.subject, "batch.uploaded");
  const event = batchUploaded.schema.parse(entry.event);
  assert.equal(event.object_key, objectKey);
  assert.equal(event.byte_count, CSV.length);
  assert.equal(event.total_leads, 2);
  assert.equal(event.webhook_delay_ms, 86_400_000);
  assert.equal(event.uploaded_at, rows[0].created_at.toISOString());
  assert.equal(t.wakeCount(), wakesBefore + 1);
});

test("keeps the client's file name, without what could not be seen", async () => {
  const form = formOf({ bytes: CSV, filename: "März \u0007leads.csv" });
  const headers = { ...form.headers, ...AUTH };
  const response = await t.app.inject({
    method: "POST",
    url: "/upload_batch?on_duplicate=allow",
    ...form,
    headers,
  });
  assert.equal(response.json<{ filename: string }>().filename, "März leads.csv");
});

test("takes the file whatever other fields and files come with it", async () => {
  const form = formOf(
    { bytes: "x".repeat(50_000), field: "photo" },
    { bytes: CSV },
    { bytes: "y", field: "notes" },
  );
  const headers = { ...form.headers, ...AUTH };
  const response = await t.app.inject({
    method: "POST",
    url: "/upload_batch?on_duplicate=allow",
    ...form,
    headers,
  });
  assert.equal(response.statusCode, 202, response.body);
});

const HEADER = "first_name,last_name,dob\n";
const refusals = [
  ["an empty file", formOf({ bytes: "" }), 422, "FILE_EMPTY"],
  ["a file without leads", formOf({ bytes: HEADER }), 422, "FILE_NO_ROWS"],
  [
    "a file with too many leads",
    formOf({ bytes: HEADER + "A,B,1/1/1980\n".repeat(101) }),
    413,
    "FILE_TOO_MANY_ROWS",
  ],
  [
    "a workbook",
    formOf({ bytes: Buffer.from("PK\u0003\u0004 xl/workbook.xml") }),
    415,
    /^FILE_TYPE_/,
  ],
  [
    "a file without a header",
    formOf({ bytes: "Ada,Quillfeather,15/03/1990\n" }),
    422,
    "HEADER_MISSING",
  ],
  ["a file that is too large", formOf({ bytes: "x".repeat(20_001) }), 413, "FILE_TOO_LARGE"],
  ["a form far too large", formOf({ bytes: "x".repeat(2_000_000) }), 413, "FILE_TOO_LARGE"],
  ["two files", formOf({ bytes: CSV }, { bytes: CSV }), 400, "FILE_NOT_SINGLE"],
  ["a file under another name", formOf({ bytes: CSV, field: "csv" }), 400, "FILE_MISSING"],
  ["an empty form", formOf(), 400, "FILE_MISSING"],
  [
    "a form that is cut off",
    { ...formOf({ bytes: CSV }), payload: formOf({ bytes: CSV }).payload.subarray(0, 150) },
    400,
    "FORM_INVALID",
  ],
  [
    "a form without a boundary",
    { payload: CSV, headers: { "content-type": "multipart/form-data" } },
    400,
    "FORM_INVALID",
  ],
  [
    "a bare CSV",
    { payload: CSV, headers: { "content-type": "text/csv" } },
    415,
    "CONTENT_TYPE_UNSUPPORTED",
  ],
  [
    "JSON",
    { payload: "{}", headers: { "content-type": "application/json" } },
    415,
    "CONTENT_TYPE_UNSUPPORTED",
  ],
  ["no body at all", { headers: {} }, 415, "CONTENT_TYPE_UNSUPPORTED"],
  [
    "a compressed body",
    { ...formOf({ bytes: CSV }), headers: { ...formOf().headers, "content-encoding": "gzip" } },
    415,
    "CONTENT_ENCODING_UNSUPPORTED",
  ],
  [
    "a bad idempotency key",
    {
      ...formOf({ bytes: CSV }),
      headers: { ...formOf().headers, "idempotency-key": "x".repeat(256) },
    },
    400,
    "IDEMPOTENCY_KEY_INVALID",
  ],
] as const;

for (const [what, request, status, code] of refusals) {
  test(`refuses ${what} and keeps nothing of it`, async () => {
    const tracesBefore = await traces();
    const headers = { ...request.headers, ...AUTH };
    const response = await t.app.inject({
      method: "POST",
      url: "/upload_batch",
      ...request,
      headers,
    });
    assert.equal(response.statusCode, status, response.body);
    assert.equal(response.headers["content-type"], "application/problem+json; charset=utf-8");
    assert.match(response.json<Answer>().code, new RegExp(code));
    assert.deepEqual(await traces(), tracesBefore);
  });
}

test("the same key and file again gets the first answer and makes no second batch", async () => {
  const headers = { ...AUTH, "idempotency-key": "monday" };
  const first = await upload(t.app, CSV, headers);
  const tracesBefore = await traces();
  const second = await upload(t.app, CSV, headers);
  assert.deepEqual([first.statusCode, second.statusCode], [202, 200]);
  assert.deepEqual(second.json(), first.json());
  assert.equal(second.headers.location, first.headers.location);
  assert.deepEqual(await traces(), tracesBefore);
});

test("the same key with another file is refused, a refusable file included", async () => {
  const headers = { ...AUTH, "idempotency-key": "tuesday" };
  await upload(t.app, CSV, headers);
  const tracesBefore = await traces();
  for (const bytes of [`${CSV}Cy,Vane,03/04/1971\n`, ""]) {
    const response = await upload(t.app, bytes, headers);
    assert.equal(response.statusCode, 409);
    assert.equal(response.json<Answer>().code, "IDEMPOTENCY_KEY_REUSED");
  }
  assert.deepEqual(await traces(), tracesBefore);
});

test("ten uploads at once under one key make one batch and one file", async () => {
  const tracesBefore = await traces();
  const headers = { ...AUTH, "idempotency-key": "race" };
  const responses = await Promise.all(
    Array.from({ length: 10 }, () => upload(t.app, CSV, headers)),
  );
  const ids = new Set(responses.map((response) => response.json<Answer>().batch_id));
  assert.equal(ids.size, 1);
  const statuses = responses.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [...Array.from({ length: 9 }, () => 200), 202]);
  assert.deepEqual(
    await traces(),
    tracesBefore.map((count) => count + 1),
  );
});

test("uploads wait for each other, and whoever finds the queue full is asked to come back", async () => {
  const gate = Promise.withResolvers<void>();
  const folder = pathToFileURL(join(t.folder, "behind-a-gate")).href;
  const files = await createObjectStore({ OBJECT_STORE_URL: folder });
  const store = {
    ...files,
    put: async (key: string, bytes: Uint8Array) => gate.promise.then(() => files.put(key, bytes)),
  };
  await using slow = await createTestApp({ store });
  const uploads = Array.from({ length: 100 }, () => upload(slow.app));
  // 8 are at work and 64 wait: the other 28 are answered while the gate is shut.
  const answered: LightMyRequestResponse[] = [];
  const enough = Promise.withResolvers<void>();
  const collect = async (one: Promise<LightMyRequestResponse>) => {
    if (answered.push(await one) === 28) enough.resolve();
  };
  const collected = uploads.map(collect);
  await enough.promise;
  for (const response of answered) {
    assert.equal(response.statusCode, 503);
    assert.equal(response.json<Answer>().code, "UPLOADS_BUSY");
    assert.equal(response.headers["retry-after"], "5");
  }
  const refused = answered.length;
  gate.resolve();
  await Promise.all(collected);
  assert.equal(refused, 28);
  const accepted = (await Promise.all(uploads)).filter(({ statusCode }) => statusCode === 202);
  assert.equal(accepted.length, 72);
});

test("an object store that fails means 503 and no batch", async () => {
  const file = join(t.folder, "a-file");
  await writeFile(file, "");
  const store = await createObjectStore({ OBJECT_STORE_URL: pathToFileURL(file).href });
  await using broken = await createTestApp({ store });
  const response = await upload(broken.app);
  assert.equal(response.statusCode, 503);
  assert.equal(response.json<Answer>().code, "OBJECT_STORE_UNAVAILABLE");
  const { rows } = await broken.owner.query("select 1 from ingest.batches");
  assert.equal(rows.length, 0);
  await rm(file);
});

test("a database that fails in mid-transaction means 503, no batch and no file", async () => {
  await t.owner.query("alter table ingest.outbox rename to outbox_away");
  try {
    const batchesBefore = await countOf("ingest.batches");
    const { length: filesBefore } = await storedFiles(t.folder);
    const response = await upload(t.app);
    assert.equal(response.statusCode, 503);
    assert.equal(response.json<Answer>().code, "DATABASE_UNAVAILABLE");
    assert.equal(await countOf("ingest.batches"), batchesBefore);
    assert.equal((await storedFiles(t.folder)).length, filesBefore);
  } finally {
    await t.owner.query("alter table ingest.outbox_away rename to outbox");
  }
});
