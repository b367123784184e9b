import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";

/** One figure: what was measured, and what it is measured against (null where there is no bar). */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar: string | null;
}

/** One JSON object a line, so that runs can be kept and compared. */
export function print(figure: Figure): void {
  console.log(JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)) }));
}

export interface LatenessBars {
  readonly p50?: string;
  readonly p99?: string;
  readonly max?: string;
}

export function printLateness(name: string, latenessMs: readonly number[], bars: LatenessBars) {
  for (const [label, share] of [
    ["p50", 0.5],
    ["p99", 0.99],
    ["max", 1],
  ] as const) {
    const value = percentile(latenessMs, share);
    print({ name: `${name}.${label}`, value, unit: "ms", bar: bars[label] ?? null });
  }
}

/** What bursts of the same work made a second. */
export function printRates(name: string, rates: readonly number[], bar: string | null): void {
  print({ name: `${name}.min`, value: Math.min(...rates), unit: "/s", bar });
  print({ name: `${name}.median`, value: percentile(rates, 0.5), unit: "/s", bar });
  print({ name: `${name}.best`, value: Math.max(...rates), unit: "/s", bar });
}

/** First of every run: without it a figure says nothing. */
export function printMachine(versions: Readonly<Record<string, string>>): void {
  const [cpu] = cpus();
  const machine = {
    name: "machine",
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    commit: commit(),
    node: process.version,
    ...versions,
  };
  console.log(JSON.stringify(machine));
}

function commit(): string {
  try {
    const dirty = git("status", "--porcelain") === "" ? "" : "+changes";
    return git("rev-parse", "--short", "HEAD") + dirty;
  } catch {
    return "unknown";
  }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8" }).trim();
}

/** The value below which `share` (0 to 1) of the values lie. NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
