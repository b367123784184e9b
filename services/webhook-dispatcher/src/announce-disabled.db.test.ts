import assert from "node:assert/strict";
import { test } from "node:test";

import { endpointDisabled } from "@valify/contracts";
import type { Bus } from "@valify/runtime";

import { announceDisabled } from "./announce-disabled.ts";
import { HEALTHY, type HealthSignal } from "./domain/endpoint-health.ts";
import { noteSignals } from "./health-queries.ts";
import { createFixture, type DispatcherFixture } from "./test-fixture.ts";

const now = new Date("2026-11-22T10:00:00.123Z");

async function disable({ db, tenantId }: DispatcherFixture, endpointId: string, at = now) {
  const failure = { kind: "failure", isProbe: false, pauseMs: 0, disable: "gone" } as const;
  const signals: readonly HealthSignal[] = [{ ...failure, at }];
  const activatedAt = new Date(at.getTime() - 1);
  const note = { endpointId, tenantId, activatedAt, successes: HEALTHY.recent, signals };
  await noteSignals(db, [note], at);
}

/** Ids of what was published. The first `cutOff` times the acknowledgement never comes. */
function recorder(cutOff = 0) {
  const ids: string[] = [];
  let left = cutOff;
  const publishAll: Bus["publishAll"] = async (contract, events) => {
    ids.push(...events.map((event) => contract.eventId(event)));
    left -= 1;
    if (left >= 0) throw new Error("the connection is closed");
    return [];
  };
  return { ids, publishAll };
}

test("a disabled endpoint is announced once, and once more when it is disabled again", async () => {
  await using fixture = await createFixture();
  const endpointId = await fixture.addEndpoint();
  await disable(fixture, endpointId);
  const bus = recorder();
  assert.equal(await announceDisabled(fixture.db, bus, now), 1);
  assert.equal(await announceDisabled(fixture.db, bus, now), 0);
  const event = { endpoint_id: endpointId, tenant_id: fixture.tenantId, reason: "gone" };
  const id = (at: Date) => endpointDisabled.eventId({ ...event, disabled_at: at.toISOString() });
  assert.deepEqual(bus.ids, [id(now)]);

  const again = new Date(now.getTime() + 60_000);
  await disable(fixture, endpointId, again);
  assert.equal(await announceDisabled(fixture.db, bus, again), 1);
  assert.deepEqual(bus.ids, [id(now), id(again)]);
});

// Goal: killed between the publish and the mark, it is told again under the same id, never lost.
// Method: the publish arrives, and its acknowledgement does not.
test("an announcement that was cut off is made again, the same", async () => {
  await using fixture = await createFixture();
  await disable(fixture, await fixture.addEndpoint());
  const bus = recorder(1);
  await assert.rejects(announceDisabled(fixture.db, bus, now), /closed/);
  assert.equal(await announceDisabled(fixture.db, bus, now), 1);
  assert.equal(bus.ids.length, 2);
  assert.equal(new Set(bus.ids).size, 1);
});
