import assert from "node:assert/strict";
import { test } from "node:test";

import { receiverCommandOf } from "./receiver-command.ts";

test("the two commands are understood in any case, everything else says nothing", () => {
  assert.equal(receiverCommandOf("abort-message"), "abort-message");
  assert.equal(receiverCommandOf(" Disable "), "disable");
  for (const value of [undefined, "", "true", "disabled", "abort-message, disable"]) {
    assert.equal(receiverCommandOf(value), null, value);
  }
});
