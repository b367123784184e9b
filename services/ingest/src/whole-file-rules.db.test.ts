import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import { UploadAccepted, UploadPreview } from "@valify/contracts/api";
import { createLeadHash } from "@valify/database";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  formOf,
  OTHER_AUTH,
  SECRET_KEY,
  setRun,
  type TestApp,
} from "./test-support.ts";

const leadHash = createLeadHash(SECRET_KEY);
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const post = (bytes: string, headers: Record<string, string> = AUTH, query = "") => {
  const form = formOf({ bytes });
  return t.app.inject({
    method: "POST",
    url: `/upload_batch${query}`,
    payload: form.payload,
    headers: { ...form.headers, ...headers },
  });
};

const setLevels = async (levels: Record<string, string>) => {
  const headers = { ...AUTH, "content-type": "application/json" };
  const payload = { levels };
  const response = await t.app.inject({ method: "PUT", url: "/rule_profile", payload, headers });
  assert.equal(response.statusCode, 200, response.body);
};

async function warningsOf(response: Awaited<ReturnType<typeof post>>) {
  assert.equal(response.statusCode, 202, response.body);
  const { batch_id: batchId, warnings } = UploadAccepted.parse(response.json());
  const { rows } = await t.owner.query("select warnings from ingest.batches where batch_id = $1", [
    uuidOfBatchId(batchId),
  ]);
  assert.deepEqual(rows[0].warnings, warnings, "a repeat by key shows the same");
  return { batchId, codes: warnings.map(({ code }) => code), warnings };
}

/** The same leads in other bytes each time. */
const savedAs = [
  (name: string) => `first_name,last_name,dob\n${name},Quillfeather,15/03/1990\n`,
  (name: string) => `dob;last_name;first_name\r\n15/03/1990;Quillfeather;"${name}"\r\n`,
  (name: string) => `\ufefffirst_name\tlast_name\tdob\n${name}\tQuillfeather\t15/03/1990`,
] as const;

test("the same leads saved another way are told, with the batch they are in", async () => {
  await setLevels({});
  const first = await warningsOf(await post(savedAs[0]("Ada")));
  const second = await warningsOf(await post(savedAs[1]("Ada")));
  assert.deepEqual([first.codes, second.codes], [[], ["FILE_SAME_ROWS"]]);
  assert.equal(second.warnings[0]?.message, `The same leads are in batch ${first.batchId}`);
  const allowed = await warningsOf(await post(savedAs[2]("Ada"), AUTH, "?on_duplicate=allow"));
  assert.deepEqual(allowed.codes, []);
  assert.deepEqual((await warningsOf(await post(savedAs[2]("Ada"), OTHER_AUTH))).codes, []);
});

test("where the rules refuse that, one of two files at once is recorded, and nothing of the other", async () => {
  await setLevels({ FILE_SAME_ROWS: "error" });
  const responses = await Promise.all(savedAs.map((write) => post(write("Bo"))));
  const statuses = responses.map(({ statusCode }) => statusCode);
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [202, 409, 409],
  );
  const refused = responses.filter(({ statusCode }) => statusCode === 409);
  assert.ok(refused.every((response) => codeOf(response) === "FILE_SAME_ROWS"));
  assert.match(String(refused[0]?.headers["link"]), /^<\/batch_status\/batch_\w+>; rel="related"$/);
});

const american = (name: string) => `first_name,last_name,dob\n${name},Marsh,03/25/1990\n`;

test("dates with the month first are a warning, a refusal or nothing, as the rules have it", async () => {
  await setLevels({});
  assert.deepEqual((await warningsOf(await post(american("Cy")))).codes, [
    "FILE_DOB_ORDER_SUSPECT",
  ]);
  await setLevels({ FILE_DOB_ORDER_SUSPECT: "off" });
  assert.deepEqual((await warningsOf(await post(american("Di")))).codes, []);
  await setLevels({ FILE_DOB_ORDER_SUSPECT: "error" });
  const { rows: batchesBefore } = await t.owner.query("select count(*) from ingest.batches");
  const response = await post(american("Ed"));
  assert.deepEqual([response.statusCode, codeOf(response)], [422, "FILE_DOB_ORDER_SUSPECT"]);
  const { rows: batchesAfter } = await t.owner.query("select count(*) from ingest.batches");
  assert.deepEqual(batchesAfter, batchesBefore);
  await setLevels({});
});

const countBatches = async () => (await t.owner.query("select from ingest.batches")).rowCount;

test("mode=strict refuses them whatever the rules say, and is kept with a batch that is taken", async () => {
  for (const level of ["off", "warning"]) {
    await setLevels({ FILE_DOB_ORDER_SUSPECT: level });
    const countBefore = await countBatches();
    const response = await post(american(`Flo${level}`), AUTH, "?mode=strict");
    assert.deepEqual([response.statusCode, codeOf(response)], [422, "FILE_DOB_ORDER_SUSPECT"]);
    assert.equal(await countBatches(), countBefore);
  }
  await setLevels({});
  const { batchId } = await warningsOf(await post(savedAs[0]("Gil"), AUTH, "?mode=strict"));
  const { rows } = await t.owner.query("select options from ingest.batches where batch_id = $1", [
    uuidOfBatchId(batchId),
  ]);
  assert.equal(rows[0].options.mode, "strict");
});

const preview = async (bytes: string, query = "") => {
  const response = await post(bytes, AUTH, `?dry_run=true${query}`);
  assert.equal(response.statusCode, 200, response.body);
  return UploadPreview.parse(response.json());
};

test("a dry run tells the same leads, and why an upload would be refused", async () => {
  await setLevels({});
  const { batchId } = await warningsOf(await post(savedAs[0]("Hal")));
  const countBefore = await countBatches();
  const told = await preview(savedAs[1]("Hal"));
  const message = `The same leads are in batch ${batchId}`;
  assert.deepEqual(told.warnings, [{ code: "FILE_SAME_ROWS", message }]);
  assert.equal(told.refusal, null, "a warning refuses nothing");
  assert.deepEqual((await preview(savedAs[1]("Hal"), "&on_duplicate=allow")).warnings, []);

  const refusalOf = async (bytes: string, query = "") => {
    const dry = (await preview(bytes, query)).refusal;
    const real = await post(bytes, AUTH, query.replace("&", "?"));
    assert.deepEqual(dry && [dry.status, dry.code], [real.statusCode, codeOf(real)]);
    return dry?.code;
  };
  assert.equal(await refusalOf(savedAs[0]("Hal")), "FILE_DUPLICATE");
  assert.equal(await refusalOf(american("Ivo"), "&mode=strict"), "FILE_DOB_ORDER_SUSPECT");
  assert.equal(await refusalOf(american("Ivo"), "&mode=all_or_nothing"), "FILE_NOT_ALL_VALID");
  await setLevels({ FILE_SAME_ROWS: "error" });
  assert.equal(await refusalOf(savedAs[1]("Hal")), "FILE_SAME_ROWS");
  await setLevels({});
  assert.equal(await countBatches(), countBefore);
});

// The validator's test has the rules of the claim itself; here is what of it shows before an upload.
test("a dry run and all_or_nothing know the leads of earlier batches and the erased", async () => {
  await setLevels({});
  const first = await warningsOf(await post(savedAs[0]("Jan")));
  const claim = (name: string, batchUuid: string, seenAt: string) =>
    t.owner.query(
      `insert into validation.lead_claims (lead_hash, tenant_id, batch_id, claimed_at, seen_at)
       values ($1, $2, $3, '2026-05-03T12:00:00Z', now() - $4::interval)`,
      [leadHash(DEFAULT_TENANT_ID, `${name}.pine.01021980`), DEFAULT_TENANT_ID, batchUuid, seenAt],
    );
  const failed = "00000000-0000-4000-8000-00000000f001";
  await setRun(t.owner, failed, { status: "failed", error: "gone" });
  await claim("kim", uuidOfBatchId(first.batchId), "1 day");
  await claim("old", uuidOfBatchId(first.batchId), "91 days");
  await claim("lost", failed, "1 day");
  await t.owner.query(
    "insert into validation.suppressions (tenant_id, lead_hash) values ($1, $2)",
    [DEFAULT_TENANT_ID, leadHash(DEFAULT_TENANT_ID, "max.pine.01021980")],
  );
  const names = ["Kim", "Old", "Lost", "Max", "New"];
  const lines = names.map((name) => `${name},Pine,01/02/1980`);
  const csv = `first_name,last_name,dob\n${lines.join("\n")}\n`;
  const told = await preview(csv);
  assert.deepEqual(
    told.rows.map(({ errors, warnings }) => [...errors, ...warnings].map(({ code }) => code)),
    [["DUP_PREVIOUS_BATCH"], [], [], ["SUPPRESSED_ERASED"], []],
  );
  const [warning] = told.rows[0]?.warnings ?? [];
  assert.equal(warning?.message, `Already seen in batch ${first.batchId} on 03/05/2026`);
  assert.deepEqual([told.valid_leads, told.invalid_leads], [4, 1]);

  const all = await post(csv, AUTH, "?mode=all_or_nothing");
  assert.deepEqual([all.statusCode, codeOf(all)], [422, "FILE_NOT_ALL_VALID"]);
  assert.match(all.body, /SUPPRESSED_ERASED \(1\)/);
  const form = formOf({ bytes: csv });
  const other = await t.app.inject({
    method: "POST",
    url: "/upload_batch?dry_run=true",
    payload: form.payload,
    headers: { ...form.headers, ...OTHER_AUTH },
  });
  assert.equal(UploadPreview.parse(other.json()).valid_leads, 5, "another tenant's is no matter");
});

// Browsers name a CSV application/vnd.ms-excel, and people rename what they like.
test("the content decides the type, not the name and not the MIME type", async () => {
  const form = formOf({ bytes: savedAs[0]("Fay"), filename: "leads.xlsx" });
  const payload = form.payload.toString().replace("text/csv", "application/vnd.ms-excel");
  const headers = { ...form.headers, ...AUTH };
  const accepted = await t.app.inject({ method: "POST", url: "/upload_batch", payload, headers });
  assert.equal(accepted.statusCode, 202, accepted.body);
});

test("a file of unannounced length is read whole, however many pieces it comes in", async () => {
  const rows = Array.from(
    { length: 400 },
    (_, index) => `Gus${"abcdefghij"[index % 10]},Pine,01/02/1980,${"x".repeat(1_000)}${index}`,
  );
  const csv = `first_name,last_name,dob,notes\n${rows.join("\n")}\n`;
  const form = formOf({ bytes: csv });
  const pieces = Array.from({ length: Math.ceil(form.payload.length / 7_000) }, (_, index) =>
    form.payload.subarray(index * 7_000, (index + 1) * 7_000),
  );
  const response = await t.app.inject({
    method: "POST",
    url: "/upload_batch",
    payload: Readable.from(pieces),
    headers: { ...form.headers, ...AUTH },
  });
  const { batchId } = await warningsOf(response);
  const { rows: batches } = await t.owner.query(
    "select object_key from ingest.batches where batch_id = $1",
    [uuidOfBatchId(batchId)],
  );
  assert.equal(await readFile(join(t.folder, batches[0].object_key), "utf8"), csv);
});
