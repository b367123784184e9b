import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeOrigin } from "./same-origin.ts";

const host = "127.0.0.1:8080";

for (const [secFetchSite, origin, verdict] of [
  ["same-origin", undefined, "same"],
  ["same-site", "http://127.0.0.1:8080", "foreign"],
  ["cross-site", undefined, "foreign"],
  ["none", undefined, "foreign"],
  [undefined, "http://127.0.0.1:8080", "same"],
  [undefined, "http://127.0.0.1:8081", "foreign"],
  [undefined, "http://127.0.0.1:8080.evil.example", "foreign"],
  [undefined, "null", "foreign"],
  [undefined, undefined, "unknown"],
] as const) {
  test(`Sec-Fetch-Site ${secFetchSite} and Origin ${origin} are ${verdict}`, () => {
    assert.equal(judgeOrigin({ secFetchSite, origin, host }), verdict);
  });
}

test("without a Host nothing is ours", () => {
  const request = { secFetchSite: undefined, origin: "http://127.0.0.1:8080", host: undefined };
  assert.equal(judgeOrigin(request), "foreign");
});
