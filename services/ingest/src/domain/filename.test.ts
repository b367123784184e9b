import assert from "node:assert/strict";
import { test } from "node:test";

import { cleanFilename } from "./filename.ts";

const cases = [
  ["leads.csv", "leads.csv"],
  ["  März 2026.csv ", "März 2026.csv"],
  ["a\u0000b\r\nc\u001b[31m.csv", "abc[31m.csv"],
  ["\u202evsc.exe", "vsc.exe"],
  ["", "upload.csv"],
  [undefined, "upload.csv"],
  [" \n ", "upload.csv"],
] as const;

for (const [given, kept] of cases) {
  test(`keeps ${JSON.stringify(given)} as ${JSON.stringify(kept)}`, () => {
    assert.equal(cleanFilename(given), kept);
  });
}

test("keeps 255 characters and cuts none in half", () => {
  assert.equal(cleanFilename("😀".repeat(300)), "😀".repeat(255));
});
