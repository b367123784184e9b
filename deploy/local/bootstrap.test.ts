import assert from "node:assert/strict";
import { test } from "node:test";

import { environment, isNewEnough } from "./bootstrap.mjs";

test("Node runs TypeScript as it is from 24.12", () => {
  assert.deepEqual(["24.12.0", "24.21.0", "25.0.0"].map(isNewEnough), [true, true, true]);
  assert.deepEqual(["18.0.0", "22.18.0", "24.11.9"].map(isNewEnough), [false, false, false]);
});

test("whatever is started finds this Node first, and what was compiled before", () => {
  const { PATH, NODE_COMPILE_CACHE } = environment({ PATH: "/usr/bin" }, "/opt/node/bin/node");
  assert.match(PATH, /^\/opt\/node\/bin:.*\/node_modules\/\.bin:\/usr\/bin$/);
  assert.match(NODE_COMPILE_CACHE, /\/node_modules\/\.cache\/compiled$/);
});

test("whoever names another folder for what is compiled, or none, is obeyed", () => {
  for (const folder of ["/var/cache/valify", ""]) {
    const given = { NODE_COMPILE_CACHE: folder };
    assert.equal(environment(given, "/usr/bin/node").NODE_COMPILE_CACHE, folder);
  }
});
