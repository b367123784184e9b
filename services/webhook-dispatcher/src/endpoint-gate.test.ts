import assert from "node:assert/strict";
import { after, test } from "node:test";

import { shareOf } from "./domain/replica-share.ts";
import { createEndpointGate } from "./endpoint-gate.ts";

const WAIT_MAX_MS = 2_000;

/** A gate whose clock is a variable, as are its replicas; its sweeps are real and frequent. */
function world() {
  const clock = { ms: 0 };
  const replicas = { live: 1, rank: 0 };
  const gate = createEndpointGate({
    waitMaxMs: WAIT_MAX_MS,
    placesByDefault: 2,
    shareOf: (limit) => shareOf(limit, replicas),
    now: () => clock.ms,
  });
  // Whoever still waits at the end of a test would keep the process alive.
  after(() => gate[Symbol.dispose]());
  return { clock, replicas, gate };
}

type Gate = ReturnType<typeof world>["gate"];

async function enter(gate: Gate, endpointId: string, limit: number | null) {
  const pass = await gate.enter(endpointId, limit);
  assert.ok(pass !== null, "let in");
  return pass;
}

test("lets in as many as the endpoint takes, and the next when one leaves, in order", async () => {
  const { gate } = world();
  const first = await enter(gate, "a", 2);
  const second = await enter(gate, "a", 2);
  const order: string[] = [];
  const third = enter(gate, "a", 2).then(() => order.push("third"));
  const fourth = enter(gate, "a", 2).then(() => order.push("fourth"));
  first.leave();
  first.leave(); // a second time it changes nothing
  await third;
  second.leave();
  await fourth;
  assert.deepEqual(order, ["third", "fourth"]);
});

test("turns away whoever waited too long, and takes no place for it", async () => {
  const { gate, clock } = world();
  const first = await enter(gate, "a", 1);
  const second = gate.enter("a", 1);
  clock.ms = WAIT_MAX_MS;
  assert.equal(await second, null);
  first.leave();
  await enter(gate, "a", 1);
});

test("takes its share of an endpoint's own limit, and the default is its own alone", () => {
  const { gate, replicas } = world();
  replicas.live = 3;
  replicas.rank = 1;
  const waits = (endpointId: string, limit: number | null, count: number) =>
    Array.from({ length: count }, () => gate.enter(endpointId, limit) instanceof Promise);
  assert.deepEqual(waits("shared", 8, 4), [false, false, false, true], "8 are 3, 3 and 2");
  assert.deepEqual(waits("default", null, 3), [false, false, true]);
});

test("what waits gets its place when the share grows, and nobody new when it shrinks", async () => {
  const { gate, replicas } = world();
  replicas.live = 2;
  const first = await enter(gate, "a", 4);
  await enter(gate, "a", 4);
  const third = enter(gate, "a", 4);
  const fourth = enter(gate, "a", 4);
  const fifth = gate.enter("a", 4);
  replicas.live = 1; // the other one has gone: two get in though nobody has left
  const passes = await Promise.all([third, fourth]);
  replicas.live = 2;
  first.leave();
  passes[0].leave();
  assert.equal(await Promise.race([fifth, Promise.resolve("waits")]), "waits", "two are under way");
  passes[1].leave();
  assert.ok((await fifth) !== null, "let in");
});

test("has room for its share, and sends back at the pace of all replicas", async () => {
  const { gate, replicas } = world();
  replicas.live = 2;
  assert.deepEqual(gate.room("a", 10), { places: 5 + 200, pacePerSecond: 200 });
  replicas.live = 1;
  assert.deepEqual(gate.room("a", 10), { places: 10 + 400, pacePerSecond: 200 });
});

test("one endpoint's queue is not another's", async () => {
  const { gate } = world();
  await enter(gate, "a", 1);
  await enter(gate, "b", 1);
});

// Goal: an endpoint that begins to hang gives back others' places long before the longest wait ends.
// Method: 50 wait behind one place of a quick endpoint; then a second passes without an answer.
test("an endpoint that begins to hang sends away the end of its line", async () => {
  const { gate, clock } = world();
  const warm = await enter(gate, "a", 1);
  clock.ms += 10;
  warm.leave();
  await enter(gate, "a", 1);
  const answers: (number | null)[] = [];
  for (let number = 0; number < 50; number += 1) {
    const place = gate.enter("a", 1);
    void Promise.resolve(place).then((pass) => answers.push(pass === null ? null : number));
  }
  assert.equal(gate.room("a", 1).places, 1 + 200 - 51);
  clock.ms += 1_000;
  const last = gate.enter("a", 1);
  assert.equal(await last, null);
  // One under way and two that get their turn within two seconds, if it takes a second each.
  assert.deepEqual(
    answers,
    Array.from({ length: 48 }, () => null),
  );
  assert.deepEqual(gate.room("a", 1), { places: 0, pacePerSecond: 1 });
});

test("a thousand idle endpoints are remembered, no more, and none that is busy is forgotten", async () => {
  const { gate, clock } = world();
  const busy = await enter(gate, "busy", 1);
  for (let index = 0; index < 1_500; index += 1) {
    const pass = await enter(gate, `idle-${index}`, 1);
    clock.ms += 400;
    pass.leave();
  }
  assert.equal(gate.room("idle-0", 1).pacePerSecond, 20, "forgotten");
  assert.equal(gate.room("idle-1499", 1).pacePerSecond, 2.5, "remembered");
  busy.leave();
  assert.equal(gate.room("busy", 1).pacePerSecond, 1);
});
