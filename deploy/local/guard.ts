import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Writable } from "node:stream";

let pipe: Writable | undefined;

/** From now on the process ends when this one does, even if this one is killed with SIGKILL. */
export function guardProcess(pid: number): void {
  pipe ??= startGuard();
  pipe.write(`+ ${pid}\n`);
}

/** The process is gone: its number may soon be somebody else's. */
export function releaseProcess(pid: number): void {
  pipe?.write(`- ${pid}\n`);
}

/** A shell, not a Node: it lives as long as we do, and a megabyte of memory is enough for it. */
function startGuard(): Writable {
  const guard = spawn("/bin/sh", [join(import.meta.dirname, "guard.sh")], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  guard.unref();
  // A pipe is a socket to Node; unreferenced, it does not hold a finished process open.
  if ("unref" in guard.stdin && typeof guard.stdin.unref === "function") guard.stdin.unref();
  guard.on("error", () => {});
  guard.stdin.on("error", () => {});
  return guard.stdin;
}
