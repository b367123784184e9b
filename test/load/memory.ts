import { readFileSync } from "node:fs";

import type { Stack } from "../support/stack.ts";
import { print } from "./report.ts";

const BARS: Readonly<Record<string, string>> = {
  ingest: "<= 300",
  "webhook-dispatcher": "<= 256",
};

/** The most memory a process of each service has held since its start. Linux tells; elsewhere nothing is printed. */
export function printPeakMemory(stack: Stack, prefix: string): void {
  if (process.platform !== "linux") return;
  for (const name of Object.keys(stack.services)) {
    const replicas = stack.processes.filter((process) => process.name === name);
    const value = Math.max(...replicas.map(({ pid }) => peakMib(pid)));
    const bar = BARS[name] ?? null;
    print({ name: `${prefix}.peak_memory.${name}`, value, unit: "MiB", bar });
  }
}

function peakMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}
