import assert from "node:assert/strict";
import { test } from "node:test";

import { outcomeOfError, outcomeOfStatus } from "./attempt-outcome.ts";

test("only a 2xx is delivered; a redirect is a failure", () => {
  for (const status of [200, 202, 204, 299]) assert.equal(outcomeOfStatus(status), "delivered");
  for (const status of [301, 302, 304]) assert.equal(outcomeOfStatus(status), "http_3xx");
  for (const status of [400, 410, 429]) assert.equal(outcomeOfStatus(status), "http_4xx");
  for (const status of [500, 503]) assert.equal(outcomeOfStatus(status), "http_5xx");
});

test("an error is classed by its code, whatever its words", () => {
  const cases = [
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["ECONNREFUSED", "connect_refused"],
    ["ECONNRESET", "reset"],
    ["UND_ERR_SOCKET", "reset"],
    ["UND_ERR_CONNECT_TIMEOUT", "timeout_connect"],
    ["UND_ERR_HEADERS_TIMEOUT", "timeout_response"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
    ["ADDRESS_REFUSED", "ssrf_blocked"],
    ["EAI_FAIL", "dns"],
    ["RESOLVER_UNAVAILABLE", "internal"],
    ["PROXY_UNAVAILABLE", "internal"],
    ["TARGET_REFUSED", "connect_refused"],
    ["TARGET_SILENT", "timeout_connect"],
    ["EAI_MEMORY", "internal"],
    ["EMFILE", "internal"],
    ["EADDRNOTAVAIL", "internal"],
    ["UND_ERR_DESTROYED", "internal"],
    ["UND_ERR_INVALID_ARG", "internal"],
  ] as const;
  for (const [code, outcome] of cases) {
    assert.equal(outcomeOfError(Object.assign(new Error("x"), { code })), outcome, code);
  }
});

test("an error that only wraps another is classed by what it wraps", () => {
  const cause = Object.assign(new Error("x"), { code: "ENOTFOUND" });
  assert.equal(outcomeOfError(new Error("fetch failed", { cause })), "dns");
});

test("the deadline of the whole request counts as no answer in time", () => {
  assert.equal(outcomeOfError(new DOMException("x", "TimeoutError")), "timeout_response");
});

test("a bug of ours is nobody else's fault", () => {
  assert.equal(outcomeOfError(new TypeError("x is not a function")), "internal");
  assert.equal(outcomeOfError(new TypeError("fetch failed", { cause: new Error("x") })), "reset");
});
