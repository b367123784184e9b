import assert from "node:assert/strict";
import { test } from "node:test";

import { runDispatcherKills } from "../crash/dispatcher-kills.ts";

// Goal: a dispatcher may die at any moment: nothing is lost, and no more comes twice than was under
// way. Method: fewer kills here than `npm run crash -- dispatcher` makes, since what a killed process
// held comes back after 45 s, and after eight kills the server hands out no more before that.
test("kill -9 of the dispatcher, five times in 10,000 leads: none lost, repeats only of what was under way", async (t) => {
  const { repeats, inFlight, refusedBySvix } = await runDispatcherKills({
    leads: 10_000,
    kills: 5,
  });
  t.diagnostic(`${repeats} repeats, ${inFlight} under way at the kills`);
  assert.ok(repeats <= inFlight, `${repeats} repeats of ${inFlight} under way`);
  assert.equal(refusedBySvix, 0, "svix accepts every request");
});
