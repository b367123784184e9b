import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** The command line of a process, or undefined when none with that number runs (any more). */
export async function commandOf(pid: number): Promise<string | undefined> {
  const command = existsSync("/proc/self/cmdline")
    ? (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ")
    : await promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)]).then(
        ({ stdout }) => stdout,
        () => "",
      );
  return command.trim() === "" ? undefined : command.trim();
}
