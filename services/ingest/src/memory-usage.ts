import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";

export interface MemoryUsage {
  readonly source: "cgroup" | "process";
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface MemorySources {
  /** Set by hand; it goes before every other limit. */
  readonly limitBytes: number | undefined;
  /** Where cgroup v2 is mounted, and what `/proc/self/cgroup` says. */
  readonly cgroupRoot?: string;
  readonly selfCgroupFile?: string;
}

/**
 * A container's limit counts all that the kernel holds for it, so its working set is compared: the
 * page cache that can be dropped at once is no pressure. Without one it is this process against the
 * machine.
 */
export async function readMemoryUsage(sources: MemorySources): Promise<MemoryUsage> {
  const ofProcess = { source: "process", usedBytes: process.memoryUsage.rss() } as const;
  if (sources.limitBytes !== undefined) return { ...ofProcess, limitBytes: sources.limitBytes };
  const ofGroup = await readCgroup(sources).catch(() => undefined);
  if (ofGroup !== undefined) return ofGroup;
  // Without a limit the kernel says a number beyond any memory.
  const limitBytes = Math.min(process.constrainedMemory() || Number.MAX_SAFE_INTEGER, totalmem());
  return { ...ofProcess, limitBytes };
}

/** Undefined: no limit is set on our group. Rejects where there is no cgroup v2. */
async function readCgroup(sources: MemorySources): Promise<MemoryUsage | undefined> {
  const { cgroupRoot = "/sys/fs/cgroup", selfCgroupFile = "/proc/self/cgroup" } = sources;
  const path = /^0::(.*)$/m.exec(await readFile(selfCgroupFile, "utf8"))?.[1];
  if (path === undefined) return undefined;
  const read = (name: string) => readFile(join(cgroupRoot, path, name), "utf8");
  const [max, current, stat] = await Promise.all([
    read("memory.max"),
    read("memory.current"),
    read("memory.stat"),
  ]);
  const limitBytes = Number(max);
  if (!Number.isFinite(limitBytes)) return undefined;
  const droppable = Number(/^inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  return {
    source: "cgroup",
    usedBytes: Math.max(0, Number(current) - droppable),
    limitBytes: Math.min(limitBytes, totalmem()),
  };
}
