import assert from "node:assert/strict";
import { test } from "node:test";

import { ConfigError } from "@valify/runtime";

import { AddressRefusedError, createAddressGuard } from "./address-guard.ts";

const guard = createAddressGuard([]);

test("private, loopback, link-local, metadata and reserved addresses are refused", () => {
  const refused = `
    0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255
    198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001:db8::1
    2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1
    no-address`;
  for (const address of refused.trim().split(/\s+/)) {
    assert.equal(guard.allows(address), false, address);
  }
});

test("public addresses pass", () => {
  for (const address of ["8.8.8.8", "172.32.0.1", "192.169.0.1", "2606:4700::1111"]) {
    assert.equal(guard.allows(address), true, address);
  }
});

test("an address in the URL is refused in every spelling", () => {
  const hosts = ["127.1", "0177.01", "017700000001", "0x7f000001", "2130706433", "[::1]"];
  for (const host of [
    ...hosts,
    "[::ffff:7f00:1]",
    "good.example@127.0.0.1",
    "[::ffff:127.0.0.1]",
  ]) {
    assert.throws(() => guard.checkUrl(new URL(`https://${host}/hook`)), AddressRefusedError, host);
  }
  guard.checkUrl(new URL("https://hooks.example.com/"));
});

test("an allowed network is an exception, no wider than itself", () => {
  const open = createAddressGuard(["127.0.0.0/8", "fd00::/8"]);
  assert.equal(open.allows("127.0.0.1"), true);
  assert.equal(open.allows("::ffff:127.0.0.1"), true);
  assert.equal(open.allows("fd12::1"), true);
  assert.equal(open.allows("10.0.0.1"), false);
});

test("a malformed network is a bad setting, named", () => {
  for (const cidr of ["127.0.0.0", "10.0.0.0/33", "nonsense/8", "::1/129"]) {
    assert.throws(() => createAddressGuard([cidr]), ConfigError, cidr);
    assert.throws(() => createAddressGuard([cidr]), /WEBHOOK_ALLOWED_CIDRS/);
  }
});

test("a name that resolves to a refused address is refused at connect", async () => {
  const error = await new Promise((resolve) => {
    guard.lookup("localhost", { all: true }, (failure) => resolve(failure));
  });
  assert.ok(error instanceof AddressRefusedError);
});
