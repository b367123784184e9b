import assert from "node:assert/strict";
import { test } from "node:test";

import { createTenantTurns, type TenantTurn } from "./tenant-turns.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Notes who began, in order, and keeps their turns. */
function startLog(atOnceMax: number) {
  const turns = createTenantTurns(atOnceMax);
  const began: string[] = [];
  const held: (TenantTurn | null)[] = [];
  const take = async (tenantId: string) => {
    const turn = await turns.take(tenantId);
    began.push(turn === null ? `${tenantId}:refused` : tenantId);
    held.push(turn);
  };
  return { turns, began, held, take };
}

test("no more work at once than allowed, and the next begins when one leaves", async () => {
  const { began, held, take } = startLog(2);
  for (let n = 0; n < 4; n += 1) void take("a");
  await settled();
  assert.equal(began.length, 2);
  held[0]?.leave();
  held[0]?.leave(); // a second call gives nobody a place
  await settled();
  assert.equal(began.length, 3);
});

test("a tenant with one wake-up does not wait behind another's thousand", async () => {
  const { began, held, take } = startLog(1);
  for (let n = 0; n < 1_000; n += 1) void take("many");
  void take("one");
  void take("two");
  for (let n = 0; n < 4; n += 1) {
    await settled();
    held[n]?.leave();
  }
  assert.deepEqual(began.slice(0, 4), ["many", "many", "one", "two"]);
});

test("all of them begin, each tenant's in their order", async () => {
  const { turns, held } = startLog(1);
  const order: string[] = [];
  const names = ["a1", "a2", "b1", "a3", "b2", "c1"];
  for (const name of names) {
    void (async () => {
      const turn = await turns.take(name.slice(0, 1));
      order.push(name);
      held.push(turn);
    })();
  }
  for (let n = 0; n < names.length; n += 1) {
    await settled();
    held[n]?.leave();
  }
  assert.deepEqual(order, ["a1", "a2", "b1", "c1", "a3", "b2"]);
});

test("a stop sends away who waits and who comes, and lets those at work end", async () => {
  const { turns, began, held, take } = startLog(1);
  void take("a");
  void take("b");
  await settled();
  turns[Symbol.dispose]();
  void take("c");
  await settled();
  assert.deepEqual(began.toSorted(), ["a", "b:refused", "c:refused"]);
  held[0]?.leave();
});
