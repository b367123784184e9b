import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { readMemoryUsage } from "./memory-usage.ts";

async function cgroup(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), "valify-cgroup-"));
  await mkdir(join(root, "ours"));
  await writeFile(join(root, "self"), "0::/ours\n");
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, "ours", name), text);
  return {
    sources: { limitBytes: undefined, cgroupRoot: root, selfCgroupFile: join(root, "self") },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

test("a container's use is its working set: cache that can be dropped does not count", async () => {
  await using group = await cgroup({
    "memory.max": "104857600\n",
    "memory.current": "83886080\n",
    "memory.stat": "anon 100\ninactive_file 20971520\nactive_file 7\n",
  });
  assert.deepEqual(await readMemoryUsage(group.sources), {
    source: "cgroup",
    usedBytes: 62_914_560,
    limitBytes: 104_857_600,
  });
});

test("without a container's limit it is this process against the machine", async () => {
  await using group = await cgroup({
    "memory.max": "max\n",
    "memory.current": "1\n",
    "memory.stat": "inactive_file 0\n",
  });
  const usage = await readMemoryUsage(group.sources);
  assert.equal(usage.source, "process");
  assert.ok(usage.usedBytes > 1_000_000 && usage.usedBytes < usage.limitBytes);
});

test("a limit set by hand goes before both", async () => {
  const { source, limitBytes } = await readMemoryUsage({ limitBytes: 300_000_000 });
  assert.deepEqual([source, limitBytes], ["process", 300_000_000]);
});
