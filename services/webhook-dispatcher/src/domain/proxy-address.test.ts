import assert from "node:assert/strict";
import { test } from "node:test";

import { authorityOf, parseProxyUrl } from "./proxy-address.ts";

test("a proxy's URL gives where it is, and its credentials in the form they are sent in", () => {
  assert.deepEqual(parseProxyUrl("http://user:p%40ss@proxy.internal:3128"), {
    isTls: false,
    hostname: "proxy.internal",
    port: 3128,
    authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
  });
  assert.deepEqual(parseProxyUrl("https://[fd00::1]/"), {
    isTls: true,
    hostname: "fd00::1",
    port: 443,
    authorization: null,
  });
  assert.equal(parseProxyUrl("http://10.0.0.1")?.port, 80);
  assert.equal(parseProxyUrl("http://user@10.0.0.1")?.authorization, `Basic ${btoa("user:")}`);
});

test("what is no proxy's address is none", () => {
  for (const text of [
    "proxy.internal:3128",
    "socks5://proxy.internal",
    "http://",
    "http://proxy.internal/path",
    "http://proxy.internal?x=1",
    "http://us%3Aer:password@proxy.internal",
    "http://user:%ff%@proxy.internal",
  ]) {
    assert.equal(parseProxyUrl(text), undefined, text);
  }
});

test("an IPv6 address stands in brackets before its port", () => {
  assert.equal(authorityOf("203.0.114.7", 443), "203.0.114.7:443");
  assert.equal(authorityOf("2606:4700::1", 8443), "[2606:4700::1]:8443");
});
