import { readFileSync } from "node:fs";

import type { Stack } from "../support/stack.ts";
import { print } from "./report.ts";

const BARS: Readonly<Record<string, string>> = {
  ingest: "<= 300",
  "webhook-dispatcher": "<= 256",
};

/** The most memory each service has held since its start. Linux tells; elsewhere nothing is printed. */
export function printPeakMemory(stack: Stack, prefix: string): void {
  if (process.platform !== "linux") return;
  for (const [name, { pid }] of Object.entries(stack.services)) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
    const bar = BARS[name] ?? null;
    print({ name: `${prefix}.peak_memory.${name}`, value: kib / 1_024, unit: "MiB", bar });
  }
}
