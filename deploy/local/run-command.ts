import { spawn } from "node:child_process";
import { once } from "node:events";

import { ROOT } from "./checkout.ts";
import { guardProcess, releaseProcess } from "./guard.ts";
import type { Env } from "./start-options.ts";

export interface CommandOptions {
  readonly env: Env;
  readonly signal: AbortSignal;
  /** `show` as it comes, on our own output; or `keep` for the result. */
  readonly output: "show" | "keep";
}

export interface CommandResult {
  /** Null: ended by a signal. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a tool in the root folder to its end; ended by SIGTERM when the signal is aborted. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { env, signal, output }: CommandOptions,
): Promise<CommandResult> {
  signal.throwIfAborted();
  const out = output === "show" ? "inherit" : "pipe";
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", out, out] });
  let kept = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (kept += text));
  }
  const closed = once(child, "close");
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  guardProcess(pid);
  const stop = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  await closed;
  signal.removeEventListener("abort", stop);
  releaseProcess(pid);
  signal.throwIfAborted();
  return { code: child.exitCode, output: kept };
}
