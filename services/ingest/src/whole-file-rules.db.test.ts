import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import { UploadAccepted } from "@valify/contracts/api";

import { AUTH, codeOf, createTestApp, formOf, OTHER_AUTH, type TestApp } from "./test-support.ts";

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
