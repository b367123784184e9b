import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ensurePromtool } from "./promtool.ts";

const silent = () => {};

test("promtool is taken where it is named, else from PATH, else from the cache", async () => {
  const folder = await mkdtemp(join(tmpdir(), "valify-fake-promtool-"));
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const path = join(folder, "promtool");
  await writeFile(path, "", { mode: 0o755 });
  const named = { PROMTOOL_BIN: "/elsewhere/promtool", PATH: folder };
  assert.equal(await ensurePromtool(silent, named), "/elsewhere/promtool");
  assert.equal(await ensurePromtool(silent, { PATH: `/nowhere:${folder}` }, []), path);
  assert.equal(await ensurePromtool(silent, { PATH: "/nowhere" }, [folder]), path);
});

test("where it cannot be had, and nothing can be kept, the reason is told", async () => {
  // A file in the place of the cache's folder, so that it cannot be made: not even by root.
  const folder = await mkdtemp(join(tmpdir(), "valify-no-cache-"));
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const file = join(folder, "file");
  await writeFile(file, "");
  const tried = ensurePromtool(silent, { PATH: "/nowhere" }, [join(file, "valify")]);
  await assert.rejects(tried, /no place to keep it/);
});
