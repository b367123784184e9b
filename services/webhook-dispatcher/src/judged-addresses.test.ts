import assert from "node:assert/strict";
import { test } from "node:test";

import { createAddressGuard } from "@valify/runtime";

import { judgedAddresses } from "./judged-addresses.ts";

const guardOf = (...addresses: readonly string[]) =>
  createAddressGuard({ resolve: async () => addresses.map((address) => ({ address, family: 4 })) });

test("an address written into the URL is judged as well", async () => {
  assert.deepEqual(await judgedAddresses(guardOf(), "203.0.114.7"), ["203.0.114.7"]);
  for (const literal of ["127.0.0.1", "::1", "169.254.169.254"]) {
    await assert.rejects(judgedAddresses(guardOf(), literal), { code: "ADDRESS_REFUSED" });
  }
});

test("one private answer refuses them all", async () => {
  const guard = guardOf("203.0.114.7", "10.0.0.1");
  await assert.rejects(judgedAddresses(guard, "a.example"), { code: "ADDRESS_REFUSED" });
});

test("each family comes early, and no more than four are tried", async () => {
  const sixes = ["2606:4700::1", "2606:4700::2", "2606:4700::3", "2606:4700::4"];
  const addresses = await judgedAddresses(guardOf(...sixes, "203.0.114.7"), "a.example");
  assert.deepEqual(addresses, [sixes[0], "203.0.114.7", sixes[1], sixes[2]]);
});
