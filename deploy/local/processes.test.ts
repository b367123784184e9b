import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";

// @boundaries-ignore the tests' own helper, and deploy/local is no package
import { eventually } from "../../test/support/eventually.ts";
import { describeExit, runningChildren, startChild } from "./processes.ts";
import { commandOf } from "./running.ts";

const shell = (script: string) => ({ name: "shell", command: "/bin/sh", args: ["-c", script] });

test("output arrives line by line and the last lines are kept", async () => {
  const seen: string[] = [];
  const onLine = (line: string, stream: string) => seen.push(`${stream} ${line}`);
  const child = await startChild({ ...shell("printf 'a\\nb'; echo c >&2; exit 3"), onLine });
  assert.deepEqual(await child.exited, { code: 3, signal: null });
  assert.deepEqual(seen.toSorted(), ["stderr c", "stdout a", "stdout b"]);
  assert.equal(child.lastLines().length, 3);
  assert.deepEqual(runningChildren(), []);
});

test("a process that ignores the request to stop is killed", async () => {
  const child = await startChild(shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"));
  await eventually(() => child.lastLines().includes("ready"), "the trap is set");
  const exit = await child.stop({ signal: "SIGTERM", waitMs: 200 });
  assert.equal(describeExit(exit), "SIGKILL");
});

test("a command that does not exist is an error of the start", async () => {
  await assert.rejects(startChild({ name: "none", command: "/nowhere/none", args: [] }), {
    code: "ENOENT",
  });
});

test("no process outlives a launcher that is killed", async () => {
  const script = `
    import { startChild } from ${JSON.stringify(join(import.meta.dirname, "processes.ts"))};
    const child = await startChild({ name: "child", command: "sleep", args: ["300"] });
    console.log(child.pid);`;
  const launcher = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line]: Buffer[] = await once(launcher.stdout, "data");
  const pid = Number(line);
  assert.match((await commandOf(pid)) ?? "", /sleep 300/);
  launcher.kill("SIGKILL");
  await eventually(async () => (await commandOf(pid)) === undefined, "the child is gone");
});
