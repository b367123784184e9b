import assert from "node:assert/strict";
import { test } from "node:test";

import { maskDob, maskName } from "./mask-person.ts";

test("of a name its first letter stays, of a date its year", () => {
  assert.deepEqual(["Zelka", "Zo", "Ålvora", "李明", ""].map(maskName), [
    "Z•••",
    "Z•••",
    "Å•••",
    "李•••",
    "",
  ]);
  assert.deepEqual([maskDob("1990-03-15"), maskDob(null)], ["••/••/1990", null]);
});
