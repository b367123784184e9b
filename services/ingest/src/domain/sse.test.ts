import assert from "node:assert/strict";
import { test } from "node:test";

import { formatEvent, formatRetry, nextEventId } from "./sse.ts";

test("an event names itself, has an id and ends with a blank line", () => {
  const text = formatEvent("status", 7, { filename: "a\nb" });
  assert.equal(text, 'event: status\nid: 7\ndata: {"filename":"a\\nb"}\n\n');
  assert.equal(formatRetry(3_000), "retry: 3000\n\n");
});

test("ids go on after the last one that the client saw", () => {
  assert.equal(nextEventId("41"), 42);
  assert.equal(nextEventId(undefined), 1);
  assert.equal(nextEventId("junk"), 1);
  assert.equal(nextEventId("9".repeat(40)), 1);
});
