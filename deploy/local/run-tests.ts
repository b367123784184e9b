import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";

import { runCommand } from "./run-command.ts";
import type { Env } from "./start-options.ts";

export interface TestStage {
  readonly name: string;
  readonly patterns: readonly string[];
  /** How many files run at once. */
  readonly concurrency: number;
  /** For one file: a hung one must not hold the whole run. */
  readonly timeoutMs: number;
}

const MINUTE_MS = 60_000;

export const STAGES: readonly TestStage[] = [
  {
    name: "unit",
    patterns: [
      "packages/*/src/**/*.test.ts",
      "services/*/src/**/*.test.ts",
      "test/support/**/*.test.ts",
      "deploy/local/**/*.test.ts",
    ],
    concurrency: availableParallelism(),
    timeoutMs: 3 * MINUTE_MS,
  },
  // Each of these starts the whole system: two at once would only wait for one another.
  { name: "e2e", patterns: ["test/e2e/**/*.test.ts"], concurrency: 1, timeoutMs: 5 * MINUTE_MS },
  {
    name: "fault",
    patterns: ["test/fault/**/*.test.ts"],
    concurrency: 1,
    timeoutMs: 10 * MINUTE_MS,
  },
];

/** What the runner counted. */
export interface TestTotals {
  readonly passed: number;
  readonly failed: number;
  /** Skipped or marked as to do. */
  readonly leftOut: number;
}

export interface TestRun extends Pick<TestStage, "concurrency" | "timeoutMs"> {
  readonly files: readonly string[];
  readonly env: Env;
  readonly signal: AbortSignal;
  /** Where the runner leaves its counts. */
  readonly countsFile: string;
}

/** One `node --test` with its own closing summary; returns what it counted and its verdict. */
export async function runTests(run: TestRun): Promise<TestTotals & { readonly isGood: boolean }> {
  const args = [
    "--test",
    `--test-concurrency=${run.concurrency}`,
    `--test-timeout=${run.timeoutMs}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=tap",
    `--test-reporter-destination=${run.countsFile}`,
    ...run.files,
  ];
  const { NODE_TEST_CONTEXT: _, ...env } = run.env;
  const { code } = await runCommand(process.execPath, args, {
    env,
    signal: run.signal,
    output: "show",
  });
  const totals = parseTotals(await readFile(run.countsFile, "utf8").catch(() => ""));
  return { ...totals, isGood: code === 0 };
}

/** Reads the closing comments of a TAP report: `# pass 12`. */
export function parseTotals(report: string): TestTotals {
  const count = (name: string) =>
    Number([...report.matchAll(new RegExp(`^# ${name} (\\d+)$`, "gm"))].at(-1)?.[1] ?? 0);
  return {
    passed: count("pass"),
    failed: count("fail") + count("cancelled"),
    leftOut: count("skipped") + count("todo"),
  };
}

/** Why a run is not good, or undefined. */
export function complaint({ passed, failed, leftOut, isGood }: TestTotals & { isGood: boolean }) {
  if (passed + failed + leftOut === 0) return "no test ran";
  if (leftOut > 0) return `${leftOut} skipped`;
  if (failed > 0) return `${failed} failed`;
  return isGood ? undefined : "the runner failed";
}
