import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeRefusal } from "./proxy-answer.ts";

test("a proxy that wants other credentials is our fault, what else it answers may be anybody's", () => {
  assert.equal(judgeRefusal(407, "").blame, "ours");
  for (const status of [400, 403, 404, 429, 500, 502, 503, 504]) {
    assert.equal(judgeRefusal(status, "").blame, "unclear", String(status));
  }
  assert.equal(judgeRefusal(504, "").code, "TARGET_SILENT");
  assert.equal(judgeRefusal(502, "").code, "TARGET_REFUSED");
});

test("what Proxy-Status says counts, whatever the status", () => {
  const cases = [
    ["squid; error=connection_refused", "target", "TARGET_REFUSED"],
    ['squid;error=connection_timeout; details="x"', "target", "TARGET_SILENT"],
    ["squid; error=proxy_configuration_error", "ours", "TARGET_REFUSED"],
    ["squid; error=connection_limit_reached", "ours", "TARGET_REFUSED"],
    // The one next to the receiver speaks first.
    ["far; error=connection_refused, near; error=proxy_internal_error", "target", "TARGET_REFUSED"],
    ["squid; error=something_new", "unclear", "TARGET_REFUSED"],
    ["squid", "unclear", "TARGET_REFUSED"],
  ] as const;
  for (const [proxyStatus, blame, code] of cases) {
    assert.deepEqual(judgeRefusal(502, proxyStatus), { blame, code }, proxyStatus);
  }
});
