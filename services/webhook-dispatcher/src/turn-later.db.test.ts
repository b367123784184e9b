import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { type Endpoint, loadEndpoints } from "./lead-queries.ts";
import { createFixture, type DispatcherFixture } from "./test-fixture.ts";
import { createLaterTurns } from "./turn-later.ts";

let fixture: DispatcherFixture;
let endpoints: readonly Endpoint[];
before(async () => {
  fixture = await createFixture();
  await fixture.addEndpoint("https://one.example.com/");
  await fixture.addEndpoint("https://two.example.com/");
  endpoints = await loadEndpoints(fixture.db, [fixture.tenantId]);
});
after(() => fixture[Symbol.asyncDispose]());

const paced = (pacePerSecond: number) => () => ({ places: 0, pacePerSecond });

// Goal: whatever a gate sends away at once comes back one after the other, per endpoint.
// Method: two replicas send away ten deliveries each, of two endpoints in turn.
test("what finds no place comes back spread at the pace, for all replicas together", async () => {
  const roomFor = paced(10);
  const replicas = [1, 2].map(() => createLaterTurns({ ...fixture.dispatcher(), roomFor }));
  const asked = replicas.flatMap((turnLater) =>
    Array.from({ length: 10 }, async (_, index) => {
      const endpoint = endpoints[index % 2];
      assert.ok(endpoint !== undefined);
      return { url: endpoint.url, waitMs: await turnLater(endpoint) };
    }),
  );
  const turns = await Promise.all(asked);
  for (const { url } of endpoints) {
    const waits = turns.filter((turn) => turn.url === url).map(({ waitMs }) => waitMs);
    const sorted = waits.toSorted((a, b) => a - b);
    assert.equal(sorted.length, 10);
    assert.ok((sorted[0] ?? 0) > 1_900, "not before the longest wait in the process is over");
    for (let index = 1; index < sorted.length; index += 1) {
      const gapMs = (sorted[index] ?? 0) - (sorted[index - 1] ?? 0);
      // Between the two replicas' statements a little time passes.
      assert.ok(gapMs > 50 && gapMs < 150, `${gapMs} ms apart`);
    }
  }
});

test("an endpoint's own rate bounds its pace", async () => {
  const roomFor = paced(1_000);
  const turnLater = createLaterTurns({ ...fixture.dispatcher(4), roomFor });
  const [endpoint] = endpoints;
  assert.ok(endpoint !== undefined);
  const [first, second] = await Promise.all([turnLater(endpoint), turnLater(endpoint)]);
  assert.ok(Math.abs(second - first - 250) < 0.001);
});
