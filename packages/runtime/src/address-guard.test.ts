import assert from "node:assert/strict";
import { test } from "node:test";

import { AddressRefusedError, createAddressGuard } from "./address-guard.ts";
import { ConfigError } from "./config.ts";

const guard = createAddressGuard({});

/** The whole list of what is not public, both ends of each network and what stands next to it. */
const REFUSED = `
  0.0.0.0 0.255.255.255 10.0.0.0 10.1.2.3 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1
  127.255.255.254 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8
  192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
  198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
  :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe
  64:ff9b::a00:1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2001:db8::1 2001::1 2002:7f00:1::
  2002:a9fe:a9fe:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd12:3456::1 fe80::1 fe80::1%eth0 febf::1
  fec0::1 ff02::1 no-address`;
const PUBLIC = `
  1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
  169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.1 192.0.1.0 192.167.255.255 192.169.0.1
  198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.15 168.63.129.17 2606:4700::1111
  2a00:1450:4009::8a 2001:4860:4860::8888 ::ffff:8.8.8.8 ::ffff:808:808`;

test("private, loopback, link-local, metadata and reserved addresses are refused", () => {
  for (const address of REFUSED.trim().split(/\s+/)) {
    assert.equal(guard.allows(address), false, address);
  }
});

test("public addresses pass, also those next to a refused network", () => {
  for (const address of PUBLIC.trim().split(/\s+/)) {
    assert.equal(guard.allows(address), true, address);
  }
});

/** Every spelling in which an address was ever smuggled past a filter. */
const SPELLINGS = `
  127.0.0.1 127.1 127.0.1 0177.01 0177.0.0.1 017700000001 0x7f000001 0x7f.1 2130706433 127.0.0.1.
  0 0.0.0.0 0xa9fea9fe 2852039166 169.254.43518 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:7f00:1]
  [::ffff:127.0.0.1] [::ffff:a9fe:a9fe] [::127.0.0.1] [64:ff9b::7f00:1] [fd00:ec2::254]
  %31%32%37.0.0.1 １２７.0.0.1 127。0。0。1`;

test("an address in the URL is refused in every spelling, when it is stored and when it is called", async () => {
  for (const host of SPELLINGS.trim().split(/\s+/)) {
    const url = new URL(`https://${host}/hook`);
    assert.throws(() => guard.checkUrl(url), AddressRefusedError, host);
    assert.equal(await guard.inspect(url), "refused", host);
  }
  guard.checkUrl(new URL("https://hooks.example.com/"));
});

test("user information in the URL is refused, whatever stands behind it", () => {
  for (const host of ["good.example@127.0.0.1", "user:pass@hooks.example.com", "user@1.1.1.1"]) {
    assert.throws(() => guard.checkUrl(new URL(`https://${host}/`)), AddressRefusedError, host);
  }
});

test("https alone is taken unless plain http is allowed, and nothing else ever", () => {
  const open = createAddressGuard({ allowHttp: true });
  assert.throws(() => guard.checkUrl(new URL("http://hooks.example.com/")), AddressRefusedError);
  open.checkUrl(new URL("http://hooks.example.com/"));
  for (const url of ["ftp://hooks.example.com/", "file:///etc/passwd", "gopher://x.example/"]) {
    assert.throws(() => open.checkUrl(new URL(url)), AddressRefusedError, url);
  }
});

test("an allowed network is an exception, no wider than itself", () => {
  const open = createAddressGuard({ allowedCidrs: ["127.0.0.0/8", "fd00::/8"] });
  assert.equal(open.allows("127.0.0.1"), true);
  assert.equal(open.allows("::ffff:127.0.0.1"), true);
  assert.equal(open.allows("fd12::1"), true);
  assert.equal(open.allows("10.0.0.1"), false);
  assert.equal(open.allows("::ffff:10.0.0.1"), false);
});

test("a malformed network is a bad setting, named", () => {
  for (const cidr of ["127.0.0.0", "10.0.0.0/33", "nonsense/8", "::1/129"]) {
    assert.throws(() => createAddressGuard({ allowedCidrs: [cidr] }), ConfigError, cidr);
    assert.throws(() => createAddressGuard({ allowedCidrs: [cidr] }), /WEBHOOK_ALLOWED_CIDRS/);
  }
});

/** A name server that answers one name with these addresses. */
function guardOf(...addresses: readonly string[]) {
  return createAddressGuard({
    resolve: async () =>
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
  });
}

const lookUp = (asked: ReturnType<typeof createAddressGuard>, all: boolean) =>
  new Promise<unknown>((resolve) => {
    asked.lookup("name.example", { all }, (failure, address) => resolve(failure ?? address));
  });

test("a name is refused for one private answer among public ones, stored and called", async () => {
  const url = new URL("https://127.0.0.1.nip.io/");
  for (const answers of [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["2606:4700::1111", "::1"]]) {
    const asked = guardOf(...answers);
    assert.equal(await asked.inspect(url), "refused");
    assert.ok((await lookUp(asked, true)) instanceof AddressRefusedError);
    assert.ok((await lookUp(asked, false)) instanceof AddressRefusedError);
  }
});

test("a name with public answers alone passes; without any it may be stored and not called", async () => {
  const url = new URL("https://name.example/");
  const asked = guardOf("1.1.1.1", "2606:4700::1111");
  assert.equal(await asked.inspect(url), "allowed");
  assert.deepEqual(await lookUp(asked, true), [
    { address: "1.1.1.1", family: 4 },
    { address: "2606:4700::1111", family: 6 },
  ]);
  assert.equal(await lookUp(asked, false), "1.1.1.1");
  assert.equal(await guardOf().inspect(url), "allowed");
  const failure = await lookUp(guardOf(), true);
  assert.ok(failure instanceof Error && "code" in failure && failure.code === "ENOTFOUND");
});

test("the system's own name for loopback is refused", async () => {
  const failure = await new Promise((resolve) => {
    guard.lookup("localhost", { all: true }, (error) => resolve(error));
  });
  assert.ok(failure instanceof AddressRefusedError);
});

test("an open socket is judged by its other end", () => {
  guard.checkSocket({ remoteAddress: "1.1.1.1" });
  for (const remoteAddress of ["127.0.0.1", "::ffff:10.0.0.1", undefined]) {
    assert.throws(() => guard.checkSocket({ remoteAddress }), AddressRefusedError);
  }
});
