import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ensureNatsServer, isNewEnough } from "./nats-binary.ts";

/** Stands in for a nats-server of another version: only its version is asked for. */
async function fakeServer(version: string) {
  const folder = await mkdtemp(join(tmpdir(), "valify-fake-nats-"));
  const path = join(folder, "nats-server");
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`, { mode: 0o755 });
  return { folder, path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

const silent = () => {};

test("2.12 and later are new enough", () => {
  assert.deepEqual(["2.12.0", "2.15.1", "3.0.0"].map(isNewEnough), [true, true, true]);
  assert.deepEqual(["2.11.9", "1.99.0", undefined].map(isNewEnough), [false, false, false]);
});

test("a named server that is too old is refused with its version, not replaced", async () => {
  await using old = await fakeServer("2.10.27");
  await assert.rejects(ensureNatsServer(silent, { NATS_SERVER_BIN: old.path }), {
    name: "StartError",
    message: "NATS_SERVER_BIN is version 2.10.27: 2.12 or later is needed",
  });
});

test("a named file that does not run is refused", async () => {
  await assert.rejects(ensureNatsServer(silent, { NATS_SERVER_BIN: "/nowhere/nats-server" }), {
    message: "NATS_SERVER_BIN does not run: 2.12 or later is needed",
  });
});

test("an old server on PATH is passed over for a newer one behind it", async () => {
  await using old = await fakeServer("2.9.10");
  await using fresh = await fakeServer("2.14.0");
  const found = await ensureNatsServer(silent, { PATH: `${old.folder}:${fresh.folder}` });
  assert.equal(found, fresh.path);
});
