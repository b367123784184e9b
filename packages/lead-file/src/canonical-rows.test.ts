import assert from "node:assert/strict";
import { test } from "node:test";

import { canonicalRows } from "./canonical-rows.ts";
import { accepted } from "./testing.ts";

const textOf = (csv: string) => canonicalRows(accepted(csv));
const CSV = "first_name,last_name,dob\nAnn,Lee,01/02/1985\nZoë,Kay,15/03/1990\n";

test("a file that was only saved another way has the same leads", () => {
  const others = [
    '\ufefffirst_name;last_name;dob\r\n"Ann";Lee;01/02/1985\r\n\r\n Zoë ;Kay;15/03/1990',
    "DOB\tnotes\tSurname\tForename\n01/02/1985\tx\tLee\tAnn\n15/03/1990\t\tKay\tZoë\n",
  ];
  for (const other of others) assert.equal(textOf(other), textOf(CSV));
});

test("another lead, another order or a lead more is another file", () => {
  const others = [
    CSV.replace("Kay", "Kaye"),
    CSV.replace("Ann,Lee", "Lee,Ann"),
    `${CSV}Bob,Ray,15/03/1990\n`,
    "first_name,last_name,dob\nZoë,Kay,15/03/1990\nAnn,Lee,01/02/1985\n",
  ];
  for (const other of others) assert.notEqual(textOf(other), textOf(CSV));
});
