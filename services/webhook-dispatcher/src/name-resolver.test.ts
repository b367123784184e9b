import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { test } from "node:test";

import { createAddressGuard } from "@valify/runtime";

import { createHttpSender } from "./http-sender.ts";
import { createNameResolver } from "./name-resolver.ts";

const MINUTE_MS = 60_000;
const ALL = { all: true } as const;
const HERE: LookupAddress[] = [{ address: "203.0.113.7", family: 4 }];

const silence = () => Object.assign(new Error("try again"), { code: "EAI_AGAIN" });

/** A resolver whose system answers for the names that are well, on a clock of the test's own. */
function resolverOf(well: Set<string>) {
  const clock = { nowMs: 0, asked: 0 };
  const resolve = createNameResolver({
    now: () => clock.nowMs,
    timeoutMs: 20,
    lookUp: async (hostname) => {
      clock.asked += 1;
      if (hostname === "mute.example") return new Promise<never>(() => {});
      if (hostname === "gone.example") throw Object.assign(new Error("x"), { code: "ENOTFOUND" });
      if (!well.has(hostname)) throw silence();
      return HERE;
    },
  });
  return { clock, resolve: (hostname: string) => resolve(hostname, ALL), raw: resolve };
}

const OURS = { code: "RESOLVER_UNAVAILABLE" };
const THEIRS = { code: "EAI_AGAIN" };

test("a resolver that answers nobody is our fault, and one answer for the name forgets it", async () => {
  const well = new Set(["a.example"]);
  const { clock, resolve } = resolverOf(well);
  assert.deepEqual(await resolve("a.example"), HERE);
  well.clear();
  for (const nowMs of [0, MINUTE_MS, 60 * MINUTE_MS]) {
    clock.nowMs = nowMs;
    await assert.rejects(resolve("a.example"), OURS);
    await assert.rejects(resolve("b.example"), OURS);
  }
  well.add("a.example");
  clock.nowMs = 61 * MINUTE_MS;
  await resolve("a.example");
  well.delete("a.example");
  clock.nowMs = 7 * 60 * MINUTE_MS;
  await assert.rejects(resolve("a.example"), OURS, "failing since now, not for seven hours");
});

test("a name that stays silent while others answer is its owner's fault after two minutes", async () => {
  const { clock, resolve } = resolverOf(new Set(["a.example"]));
  await assert.rejects(resolve("b.example"), OURS);
  clock.nowMs = MINUTE_MS;
  await resolve("a.example");
  await assert.rejects(resolve("b.example"), OURS);
  clock.nowMs = 2 * MINUTE_MS;
  await resolve("a.example");
  await assert.rejects(resolve("b.example"), THEIRS);
});

test("a name that never answers at all ends as its owner's fault after six hours", async () => {
  const { clock, resolve } = resolverOf(new Set());
  await assert.rejects(resolve("mute.example"), OURS);
  clock.nowMs = 6 * 60 * MINUTE_MS;
  await assert.rejects(resolve("mute.example"), THEIRS);
});

test("a name that does not exist is its owner's fault at once", async () => {
  const { resolve } = resolverOf(new Set());
  await assert.rejects(resolve("gone.example"), { code: "ENOTFOUND" });
});

test("a herd asks once, also while the answer is overdue", async () => {
  const { clock, resolve } = resolverOf(new Set());
  const herd = Array.from({ length: 50 }, () => resolve("mute.example"));
  await Promise.allSettled(herd);
  await assert.rejects(resolve("mute.example"));
  assert.equal(clock.asked, 1);
});

test("a webhook to a name that nobody answers for is our fault, then the endpoint's", async () => {
  const { clock, raw } = resolverOf(new Set());
  await using sender = createHttpSender({ guard: createAddressGuard({ resolve: raw }) });
  const webhook = { url: "https://b.example/hook", headers: {}, body: "{}" };
  assert.equal((await sender.send(webhook)).outcome, "internal");
  clock.nowMs = 6 * 60 * MINUTE_MS;
  assert.equal((await sender.send(webhook)).outcome, "dns");
});
