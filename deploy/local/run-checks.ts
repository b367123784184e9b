import { globSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./checkout.ts";
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

/** Runs every check, shows what the failing ones say, and returns their names. */
export async function runChecks(signal: AbortSignal): Promise<readonly string[]> {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
  const failed: string[] = [];
  for (const { name, command, args } of checks()) {
    const binary = join(ROOT, "node_modules", ".bin", command);
    const { code, output } = await runCommand(binary, args, { env, signal, output: "keep" });
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}`);
    if (code === 0) continue;
    console.log(output.trimEnd());
    failed.push(name);
  }
  return failed;
}
