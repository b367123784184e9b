import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeHeaders, MASK, maskHeaders, unmaskHeaders } from "./custom-headers.ts";

test("takes a customer's headers, names in lower case", () => {
  assert.deepEqual(judgeHeaders({ "X-Api-Key": "k 1", authorization: "Bearer t" }), {
    kind: "accepted",
    headers: { "x-api-key": "k 1", authorization: "Bearer t" },
  });
  assert.deepEqual(judgeHeaders({}), { kind: "accepted", headers: {} });
});

test("refuses ours, those of the connection and those of the body, in any spelling", () => {
  const denied = `webhook-id Webhook-Signature WEBHOOK-TIMESTAMP webhook-anything svix-id host Host
    connection keep-alive transfer-encoding te trailer upgrade proxy-authorization proxy-connection
    content-type content-length content-encoding expect accept-encoding user-agent cookie set-cookie
    x-forwarded-for forwarded via traceparent date origin sec-fetch-site`;
  for (const name of denied.split(/\s+/)) {
    assert.equal(judgeHeaders({ [name]: "x" }).kind, "refused", name);
  }
});

test("refuses what would split a request, and what is no header", () => {
  for (const [name, value] of [
    ["x-a", "b\r\nhost: evil"],
    ["x-a", "b\nc"],
    ["x-a", "\0"],
    ["x-a", "é"],
    ["x a", "b"],
    ["x-a:", "b"],
    ["", "b"],
    ["x-ä", "b"],
    ["x".repeat(65), "b"],
    ["x-a", "b".repeat(1_025)],
  ] as const) {
    assert.equal(judgeHeaders({ [name]: value }).kind, "refused", JSON.stringify([name, value]));
  }
  assert.equal(judgeHeaders({ "x-a": "1", "X-A": "2" }).kind, "refused");
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, "1"]));
  assert.equal(judgeHeaders(many).kind, "refused");
});

test("shows no value that is likely to be a secret, and knows it again when it comes back", () => {
  const stored = { authorization: "Bearer t", "x-api-key": "k", "x-team": "sales" };
  const shown = maskHeaders(stored);
  assert.deepEqual(shown, { authorization: MASK, "x-api-key": MASK, "x-team": "sales" });
  assert.deepEqual(unmaskHeaders({ ...shown, "x-team": "ops" }, stored), {
    ...stored,
    "x-team": "ops",
  });
});
