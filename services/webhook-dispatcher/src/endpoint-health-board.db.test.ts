import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import type { HealthSignal } from "./domain/endpoint-health.ts";
import {
  createHealthBoard,
  type HealthBoard,
  type HealthSubject,
} from "./endpoint-health-board.ts";
import { claimProbes, noteSignals } from "./health-queries.ts";
import { createFixture, type DispatcherFixture, log } from "./test-fixture.ts";

// Goal: every dispatcher knows what any of them learnt of an endpoint.
// Method: two boards on one table are two dispatchers; the clock is a variable.

let fixture: DispatcherFixture;
let clock = new Date();
before(async () => {
  fixture = await createFixture();
});
after(() => fixture[Symbol.asyncDispose]());
beforeEach(() => {
  clock = new Date();
});

const later = (ms: number) => new Date(clock.getTime() + ms);

const write: Parameters<typeof createHealthBoard>[0]["write"] = (notes) =>
  noteSignals(fixture.db, notes, clock);
const refuse = () => Promise.reject(new Error("Postgres is away"));

function dispatcher(onDisabled = () => {}): HealthBoard {
  return createHealthBoard({ write, now: () => clock, log, onDisabled });
}

async function subject(): Promise<HealthSubject> {
  const endpointId = await fixture.addEndpoint();
  const activatedAt = new Date(0);
  return { endpointId, tenantId: fixture.tenantId, status: "active", activatedAt, health: null };
}

const signal = (kind: HealthSignal["kind"], more: Partial<HealthSignal> = {}): HealthSignal => ({
  kind,
  at: clock,
  isProbe: false,
  pauseMs: 0,
  disable: null,
  ...more,
});

async function fail(board: HealthBoard, endpoint: HealthSubject, times: number): Promise<void> {
  const notes = Array.from({ length: times }, async () => board.note(endpoint, signal("failure")));
  await Promise.all(notes);
}

async function storedRow({ endpointId }: HealthSubject) {
  return fixture.db
    .selectFrom("delivery.endpoint_health")
    .selectAll()
    .where("endpoint_id", "=", endpointId)
    .executeTakeFirst();
}

test("the failures of two dispatchers add up, and open the circuit for both", async () => {
  const endpoint = await subject();
  const [one, two] = [dispatcher(), dispatcher()];
  await Promise.all([fail(one, endpoint, 5), fail(two, endpoint, 5)]);
  assert.equal((await storedRow(endpoint))?.state, "open");
  // Whoever wrote last knows already; the other one learns it at its next pull or note.
  await fail(one, endpoint, 1);
  await fail(two, endpoint, 1);
  const hold = { kind: "hold", reason: "open", notBefore: later(30_000) };
  assert.deepEqual(one.admit(endpoint), hold);
  assert.deepEqual(two.admit(endpoint), hold);
});

test("successes leave no row, and still count against the share of failures", async () => {
  const endpoint = await subject();
  const board = dispatcher();
  for (let success = 0; success < 100; success += 1) await board.note(endpoint, signal("success"));
  assert.equal(await storedRow(endpoint), undefined);
  await fail(board, endpoint, 9);
  const row = await storedRow(endpoint);
  assert.equal(row?.state, "degraded", "nine in a row, and nine in 109");
  assert.deepEqual(
    row.recent.map(({ failures, successes }) => [failures, successes]),
    [[9, 100]],
  );
});

test("a success resets what failures have done, for every dispatcher", async () => {
  const endpoint = await subject();
  const board = dispatcher();
  await fail(board, endpoint, 10);
  await board.note(endpoint, signal("success", { isProbe: true }));
  assert.deepEqual(board.admit(endpoint), { kind: "send" });
  const row = await storedRow(endpoint);
  assert.equal(row?.state, "healthy");
  assert.equal(row.failing_since, null);
});

test("of two dispatchers one gets the probe, and after its time another may", async () => {
  const endpoint = await subject();
  await fail(dispatcher(), endpoint, 10);
  const claim = (nowMs: number) =>
    claimProbes(fixture.db, [endpoint.endpointId], later(nowMs), later(nowMs + 45_000));
  assert.equal((await claim(29_000)).size, 0, "not before its time");
  const taken = await Promise.all([claim(30_000), claim(30_000), claim(30_000)]);
  assert.equal(
    taken.reduce((sum, { size }) => sum + size, 0),
    1,
  );
  assert.equal((await claim(74_000)).size, 0);
  assert.equal((await claim(75_000)).size, 1, "whoever had it may have died");
});

test("an activation outdates a disabling, and the next failure counts from one", async () => {
  const endpoint = await subject();
  let told = 0;
  const board = dispatcher(() => (told += 1));
  await board.note(endpoint, signal("failure", { disable: "gone" }));
  assert.equal(told, 1);
  const disabled = { kind: "hold", reason: "disabled", notBefore: null };
  assert.deepEqual(board.admit(endpoint), disabled);
  const activated = { ...endpoint, activatedAt: later(1) };
  assert.deepEqual(board.admit(activated), { kind: "send" });
  clock = later(2);
  await fail(board, activated, 1);
  const row = await storedRow(endpoint);
  assert.equal(row?.state, "healthy");
  assert.equal(row.consecutive_failures, 1);
  assert.equal(row.disabled_at, null);
});

test("a pause is stored, and holds until it is over", async () => {
  const endpoint = await subject();
  const board = dispatcher();
  await board.note(endpoint, signal("throttled", { pauseMs: 7_000 }));
  const hold = { kind: "hold", reason: "throttled", notBefore: later(7_000) };
  assert.deepEqual(board.admit(endpoint), hold);
  clock = later(7_000);
  assert.deepEqual(board.admit(endpoint), { kind: "send" });
});

test("a note that cannot be stored fails no delivery", async () => {
  const endpoint = await subject();
  const quiet = log.child({}, { level: "fatal" });
  const board = createHealthBoard({
    write: refuse,
    now: () => clock,
    log: quiet,
    onDisabled: () => {},
  });
  await fail(board, endpoint, 1);
  assert.deepEqual(board.admit(endpoint), { kind: "send" });
});
