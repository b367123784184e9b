import assert from "node:assert/strict";
import { test } from "node:test";

import { eraseResultRows } from "./erase-result-rows.ts";
import { createResultsWriter } from "./results-writer.ts";

const dialect = {
  encoding: "utf-8",
  delimiter: ",",
  header: { first_name: 0, last_name: 2, dob: 1 },
} as const;
const writer = createResultsWriter({ columns: ["first", "born", 'last, "so"'], dialect });

function line(rowNumber: number, cells: readonly string[]): string {
  const message = "First name is missing";
  const finding = { code: "X", field: "row", severity: "error", message } as const;
  const verdict = {
    status: "invalid",
    leadId: `id-${rowNumber}`,
    errors: [finding],
    warnings: [],
  } as const;
  return writer.rows([{ row: { rowNumber, cells }, verdict }]);
}

const LONG = `"${"Zelka, ".repeat(4_000)}"`;
const lines = [
  line(1, ["Zelka", "01/02/1990", "Vlorena"]),
  line(2, ['Zel"ka"', "2\r\n3,4,,,,,,", "=Vlo\nrena"]),
  line(3, [LONG, "x", " Vlorena "]),
  line(12, ["Zelku", "01/02/1990", "2"]),
];
const file = Buffer.from(writer.header() + lines.join(""));

function erased(rows: readonly number[], leaving: "tombstones" | "nothing" = "tombstones") {
  return Buffer.from(eraseResultRows(file, new Set(rows), leaving)).toString();
}

test("a row becomes a tombstone, whatever its cells hold, and all others stay byte for byte", () => {
  for (const [index, rowNumber] of [1, 2, 3, 12].entries()) {
    const expected = lines.with(index, `,,,${rowNumber},,erased,,,\r\n`);
    assert.equal(erased([rowNumber]), writer.header() + expected.join(""));
  }
});

test("of a file of refused rows they are gone, and the header stays", () => {
  assert.equal(erased([2, 12], "nothing"), writer.header() + lines[0] + lines[2]);
  assert.equal(erased([1, 2, 3, 12], "nothing"), writer.header());
});

test("done twice, or for a row that is not there, it changes nothing", () => {
  const once = Buffer.from(erased([2, 3]));
  assert.deepEqual(Buffer.from(eraseResultRows(once, new Set([2, 3]), "tombstones")), once);
  assert.deepEqual(Buffer.from(erased([4])), file);
});

test("what is no results file is refused and not guessed at", () => {
  const other = Buffer.from("first_name,last_name,dob\r\nZelka,Vlorena,x\r\n");
  assert.throws(() => eraseResultRows(other, new Set([1]), "tombstones"), /not a results file/);
});
