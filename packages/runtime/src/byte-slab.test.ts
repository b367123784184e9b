import assert from "node:assert/strict";
import { test } from "node:test";

import { createByteSlab } from "./byte-slab.ts";

test("what was encoded stays as it was, whatever comes after it", () => {
  const encode = createByteSlab();
  // Together several slabs, at lengths that never fill one exactly; one is longer than a slab.
  const texts = Array.from({ length: 3_000 }, (_, index) =>
    `${index} Zoë 李 👍`.repeat(index % 13),
  );
  texts.push("é".repeat(70_000), "", "last");
  const encoded = texts.map(encode);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  assert.deepEqual(
    encoded.map((bytes) => decoder.decode(bytes)),
    texts,
  );
});
