import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

/** Runs a service whose main function is `body`, in a process of its own, with settings beside ours. */
function service(body: string, ...settings: readonly string[]) {
  const program = `
    import { runService, untilShutdown } from ${JSON.stringify(join(import.meta.dirname, "lifecycle.ts"))};
    import { ConfigError } from ${JSON.stringify(join(import.meta.dirname, "config.ts"))};
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, "logger.ts"))};
    const log = createLogger("probe", "info");
    await runService("probe", async () => { ${body} });`;
  const node = [process.execPath, "--input-type=module", "-e", program];
  const child = spawn("env", [...settings, ...node]);
  const ended = (async () => {
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit"),
    ]);
    return { stdout, stderr, exitCode };
  })();
  return { child, ended };
}

/** The interval stands for work that would hold the process. */
const WORKING = `
  await using stack = new AsyncDisposableStack();
  stack.defer(() => log.info("probe.disposed"));
  setInterval(() => {}, 1000);`;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} disposes of everything and ends the process with 0`, async () => {
    // Says something only once it listens to signals.
    const { child, ended } = service(`${WORKING}
      const shutdown = untilShutdown([new Promise(() => {})], log);
      log.info("probe.listening");
      await shutdown;`);
    await once(child.stdout, "data");
    child.kill(signal);
    const { stdout, stderr, exitCode } = await ended;
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`"signal":"${signal}","event":"service.stopping"`));
    assert.match(stdout, /probe\.disposed/);
  });
}

test("what a started service has compiled is kept, however it ends", async () => {
  const folder = await mkdtemp(join(tmpdir(), "valify-compiled-"));
  const { child, ended } = service(
    `${WORKING}
      const shutdown = untilShutdown([new Promise(() => {})], log);
      log.info("probe.started");
      await shutdown;`,
    `NODE_COMPILE_CACHE=${folder}`,
  );
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await ended;
  const files = await readdir(folder, { recursive: true });
  assert.ok(files.length > 10, `${files.length} files`);
  await rm(folder, { recursive: true });
});

test("a worker that fails takes the process down, after disposal, with its reason", async () => {
  const { ended } = service(`${WORKING}
    await untilShutdown([Promise.reject(new Error("consumer deleted"))], log);`);
  const { stdout, stderr, exitCode } = await ended;
  assert.equal(exitCode, 1);
  assert.match(stdout, /probe\.disposed/);
  assert.match(stderr, /^probe: Error: consumer deleted\n/);
});

test("a worker that ends without a word takes the process down as well", async () => {
  const { ended } = service(`${WORKING} await untilShutdown([Promise.resolve()], log);`);
  const { stderr, exitCode } = await ended;
  assert.equal(exitCode, 1);
  assert.match(stderr, /^probe: Error: a worker of this service ended unexpectedly\n/);
});

test("a bad setting costs one line, without a stack, and exit code 1", async () => {
  const { ended } = service(`throw new ConfigError("DATABASE_URL is missing");`);
  assert.deepEqual(await ended, {
    stdout: "",
    stderr: "probe: DATABASE_URL is missing\n",
    exitCode: 1,
  });
});
