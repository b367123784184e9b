import { globSync } from "node:fs";
import { resolve } from "node:path";

import { ROOT } from "./checkout.ts";
import { ensurePromtool } from "./promtool.ts";
import { runCommand } from "./run-command.ts";

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

function checks(): readonly Check[] {
  const projects = globSync(
    ["packages/*/tsconfig.json", "services/*/tsconfig.json", "{test,deploy/local}/tsconfig.json"],
    { cwd: ROOT },
  );
  return [
    { name: "oxfmt", command: "oxfmt", args: ["--check", "."] },
    { name: "oxlint", command: "oxlint", args: ["--deny-warnings"] },
    ...projects
      .toSorted()
      .map((project) => ({ name: `tsc -p ${project}`, command: "tsc", args: ["-p", project] })),
    { name: "knip", command: "knip", args: [] },
    { name: "turbo boundaries", command: "turbo", args: ["boundaries"] },
  ];
}

const RULES = "deploy/observability/alerts";

/**
 * The alert rules by Prometheus's own tool. Where it cannot be had that is said; that the rules name
 * metrics we show, and are tested both ways, is checked without it (test/support/alert-rules.ts).
 */
async function ruleChecks(): Promise<readonly Check[]> {
  try {
    const command = await ensurePromtool(console.log);
    return [
      { name: "promtool check rules", command, args: ["check", "rules", `${RULES}.yaml`] },
      { name: "promtool test rules", command, args: ["test", "rules", `${RULES}.test.yaml`] },
    ];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`NOT RUN promtool, which is not here and could not be fetched: ${reason}`);
    return [];
  }
}

/** Runs every check, shows what the failing ones say, and returns their names. */
export async function runChecks(signal: AbortSignal): Promise<readonly string[]> {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
  const failed: string[] = [];
  for (const { name, command, args } of [...checks(), ...(await ruleChecks())]) {
    const binary = resolve(ROOT, "node_modules", ".bin", command);
    const { code, output } = await runCommand(binary, args, { env, signal, output: "keep" });
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}`);
    if (code === 0) continue;
    console.log(output.trimEnd());
    failed.push(name);
  }
  return failed;
}
