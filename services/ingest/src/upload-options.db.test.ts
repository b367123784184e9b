import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";

import { batchUploaded, uuidOfBatchId } from "@valify/contracts";
import type { UploadPreview } from "@valify/contracts/api";
import type { LightMyRequestResponse } from "fastify";

import { hashOfSecret } from "./auth.ts";
import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  formOf,
  OTHER_AUTH,
  setRun,
  type TestApp,
  upload,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const HEADER = "first_name,last_name,dob\n";
let fileCount = 0;
/** No two tests upload the same bytes unless they mean to. */
const freshCsv = () =>
  `${HEADER}Ada,Quillfeather,${String(1 + (fileCount++ % 28)).padStart(2, "0")}/03/${1950 + fileCount}\n`;

const send = (bytes: string, query = "", headers: Record<string, string> = AUTH) =>
  upload(t.app, bytes, headers, query);
const idOf = (response: LightMyRequestResponse) => response.json<{ batch_id: string }>().batch_id;

async function traces() {
  const files = await readdir(t.folder, { recursive: true, withFileTypes: true });
  const { rows } = await t.owner.query(
    "select (select count(*) from ingest.batches) as b, (select count(*) from ingest.outbox) as o",
  );
  return [files.filter((file) => file.isFile()).length, rows[0].b, rows[0].o];
}

test("the same bytes again are refused with a link, unless that is meant", async () => {
  const bytes = freshCsv();
  const batchId = idOf(await send(bytes));
  const tracesBefore = await traces();
  const again = await send(bytes);
  assert.deepEqual([again.statusCode, codeOf(again)], [409, "FILE_DUPLICATE"]);
  assert.equal(idOf(again), batchId);
  assert.equal(again.headers["link"], `</batch_status/${batchId}>; rel="related"`);
  assert.deepEqual(await traces(), tracesBefore);
  assert.equal((await send(bytes, "on_duplicate=allow")).statusCode, 202);
  assert.equal(
    (await send(bytes, "", OTHER_AUTH)).statusCode,
    202,
    "another tenant's is no matter",
  );
});

test("what was cancelled or failed may be uploaded again", async () => {
  const bytes = freshCsv();
  const first = idOf(await send(bytes));
  await t.app.inject({ method: "POST", url: `/batches/${first}/cancel`, headers: AUTH });
  const second = await send(bytes);
  assert.equal(second.statusCode, 202);
  await setRun(t.owner, uuidOfBatchId(idOf(second)), { status: "failed", error: "gone" });
  assert.equal((await send(bytes)).statusCode, 202);
});

test("ten uploads of the same bytes at once make one batch", async () => {
  const bytes = freshCsv();
  const responses = await Promise.all(Array.from({ length: 10 }, () => send(bytes)));
  assert.equal(new Set(responses.map(idOf)).size, 1);
  const statuses = responses.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [202, ...Array.from({ length: 9 }, () => 409)]);
});

test("ten uploads at once under one key are one upload and nine repeats", async () => {
  const bytes = freshCsv();
  const headers = { ...AUTH, "idempotency-key": "ten-at-once" };
  const responses = await Promise.all(Array.from({ length: 10 }, () => send(bytes, "", headers)));
  assert.equal(new Set(responses.map(idOf)).size, 1);
  const statuses = responses.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [...Array.from({ length: 9 }, () => 200), 202]);
});

test("a key belongs to its options too", async () => {
  const bytes = freshCsv();
  const headers = { ...AUTH, "idempotency-key": "with-options" };
  assert.equal((await send(bytes, "mode=all_or_nothing", headers)).statusCode, 202);
  assert.equal((await send(bytes, "mode=all_or_nothing", headers)).statusCode, 200);
  const changed = await send(bytes, "mode=partial", headers);
  assert.deepEqual([changed.statusCode, codeOf(changed)], [409, "IDEMPOTENCY_KEY_REUSED"]);
});

test("a dry run tells everything and stores nothing", async () => {
  const bytes =
    "notes;Surname;Forename;D.O.B.\n" +
    ";Quillfeather;Ada;15/03/1990\n" +
    ";Marsh;Bo;31/02/1985\n" +
    ";Marsh;;01/02/1985\n" +
    ";short\n" +
    Array.from({ length: 8 }, (_, i) => `;Vane;Cy;0${i + 1}/05/1971\n`).join("");
  const tracesBefore = await traces();
  const response = await send(bytes, "dry_run=true");
  assert.equal(response.statusCode, 200, response.body);
  const preview = response.json<UploadPreview>();
  assert.deepEqual([preview.encoding, preview.delimiter], ["utf-8", ";"]);
  assert.deepEqual(preview.mapping, {
    first_name: { column: 3, header: "Forename" },
    last_name: { column: 2, header: "Surname" },
    dob: { column: 4, header: "D.O.B." },
  });
  const {
    total_leads: total,
    valid_leads: valid,
    invalid_leads: bad,
    skipped_rows: skip,
  } = preview;
  assert.deepEqual([total, valid, bad, skip], [12, 9, 2, 1]);
  const countOf = (code: string) => preview.counts.find((found) => found.code === code);
  assert.deepEqual(countOf("DOB_NOT_REAL"), { code: "DOB_NOT_REAL", severity: "error", count: 1 });
  assert.equal(countOf("FIRST_NAME_MISSING")?.count, 1);
  assert.equal(countOf("ROW_TOO_FEW_CELLS")?.count, 1);
  assert.deepEqual(
    preview.warnings.map(({ code }) => code),
    ["HEADER_COLUMN_IGNORED"],
  );
  assert.equal(preview.rows.length, 10);
  assert.deepEqual(
    [preview.rows[0]?.first_name, preview.rows[0]?.status, preview.rows[1]?.status],
    ["Ada", "valid", "invalid"],
  );
  assert.equal(preview.duplicate_of, null);
  assert.deepEqual(await traces(), tracesBefore);
});

test("a dry run says where the same bytes are, and takes no idempotency key", async () => {
  const bytes = freshCsv();
  const headers = { ...AUTH, "idempotency-key": "dry" };
  assert.equal((await send(bytes, "dry_run=true", headers)).statusCode, 200);
  const accepted = await send(bytes, "", headers);
  assert.equal(accepted.statusCode, 202, "the key was free");
  const preview = (await send(bytes, "dry_run=true")).json<UploadPreview>();
  assert.equal(preview.duplicate_of, idOf(accepted));
});

test("all_or_nothing takes a file of valid rows alone", async () => {
  const bad = `${HEADER}Ada,Quillfeather,15/03/1988\nBo,Marsh,31/02/1985\n`;
  const tracesBefore = await traces();
  const refused = await send(bad, "mode=all_or_nothing");
  assert.deepEqual([refused.statusCode, codeOf(refused)], [422, "FILE_NOT_ALL_VALID"]);
  assert.match(refused.body, /1 rows are not valid.*DOB_NOT_REAL \(1\)/);
  assert.deepEqual(await traces(), tracesBefore);
  assert.equal((await send(freshCsv(), "mode=all_or_nothing")).statusCode, 202);
});

test("fields of the form go before the query", async () => {
  const form = formOf({ bytes: freshCsv() });
  const boundary = /boundary=(.*)$/.exec(form.headers["content-type"])?.[1] ?? "";
  const field = Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="dry_run"\r\n\r\ntrue\r\n`,
  );
  const response = await t.app.inject({
    method: "POST",
    url: "/upload_batch?dry_run=false",
    payload: Buffer.concat([field, form.payload]),
    headers: { ...form.headers, ...AUTH },
  });
  assert.equal(response.statusCode, 200);
  assert.equal(response.json<UploadPreview>().dry_run, true);
});

test("an option with a value that it has not is refused by name", async () => {
  const form = formOf({ bytes: freshCsv() });
  const boundary = /boundary=(.*)$/.exec(form.headers["content-type"])?.[1] ?? "";
  const field = `--${boundary}\r\ncontent-disposition: form-data; name="mode"\r\n\r\nsome\r\n`;
  const response = await t.app.inject({
    method: "POST",
    url: "/upload_batch",
    payload: Buffer.concat([Buffer.from(field), form.payload]),
    headers: { ...form.headers, ...AUTH },
  });
  assert.deepEqual([response.statusCode, codeOf(response)], [400, "UPLOAD_OPTION_INVALID"]);
  assert.match(response.body, /mode: /);
});

test("high priority travels with the batch, for those who may ask for it", async () => {
  const batchId = idOf(await send(freshCsv(), "priority=high"));
  const { rows } = await t.owner.query(
    "select event from ingest.outbox where event->>'batch_id' = $1",
    [batchId],
  );
  assert.equal(batchUploaded.schema.parse(rows[0].event).priority, "high");
  const key = "key-of-an-operator-0123456789abcdef0123456789";
  await t.owner.query(
    `insert into ingest.api_keys (tenant_id, name, key_hash, scopes)
     values ($1, 'operator', $2, '{batches:read,batches:write}')`,
    [DEFAULT_TENANT_ID, hashOfSecret(key)],
  );
  const operator = { authorization: `Bearer ${key}` };
  const refused = await send(freshCsv(), "priority=high", operator);
  assert.deepEqual([refused.statusCode, codeOf(refused)], [403, "PERMISSION_MISSING"]);
  assert.equal((await send(freshCsv(), "priority=normal", operator)).statusCode, 202);
});
