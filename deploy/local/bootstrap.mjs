// What `npm start`, `npm test`, `npm run load` and `npm run crash` share. Plain JavaScript without dependencies:
// it runs on any Node from 18 and in a fresh clone, before anything is installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STAMP = join(ROOT, "node_modules", ".valify-lockfile");
const NODE_MAJOR = 24;
const NODE_MINOR = 12;
const PARENT_CHECK_MS = 500;
/**
 * What Node has compiled, by content, so never out of date. A service starts in two thirds of the time,
 * and without the compiler for TypeScript, which would stay with it: 18 MiB.
 */
const COMPILE_CACHE = join(ROOT, "node_modules", ".cache", "compiled");

/**
 * Installs what is missing, runs a TypeScript file with a new enough Node and ends as it ended.
 *
 * @param {string} script path from the root folder
 */
export async function launch(script) {
  await ensureInstalled();
  process.exitCode = await runTypeScript(join(ROOT, script), process.argv.slice(2));
}

/** Runs the pinned pnpm when node_modules is missing or belongs to another lockfile. */
async function ensureInstalled() {
  if (process.platform === "win32") fail("Windows is not supported: use Linux, macOS or WSL.");
  const lockHash = hashOf(join(ROOT, "pnpm-lock.yaml"));
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === lockHash) return;

  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const packageManager = manifest.packageManager.split("+")[0];
  process.stderr.write("Installing packages (first start, or the lockfile changed) ...\n");
  const args = ["--yes", packageManager, "install", "--frozen-lockfile"];
  const { code, output } = await runQuietly("npx", args);
  if (code !== 0) {
    process.stderr.write(output);
    fail(`The packages could not be installed (${packageManager}, exit code ${code}); see above.`);
  }
  // Written last, so that an interrupted install is repeated.
  writeFileSync(STAMP, lockHash);
}

/** Path of a Node that runs TypeScript as it is: this one, or the one from the npm registry. */
function nodeBinary() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const platform = `node-${process.platform}-${process.arch}`;
  const binary = join(ROOT, "node_modules", platform, "bin", "node");
  if (existsSync(binary)) return binary;
  const remedy = process.platform === "darwin" ? "brew install node@24" : "install Node 24 LTS";
  return fail(
    `Node ${NODE_MAJOR}.${NODE_MINOR} or later is needed, this is ${process.versions.node} ` +
      `and there is no packaged one for ${process.platform}-${process.arch}: ${remedy}.`,
  );
}

/**
 * Whether a Node can run TypeScript directly.
 *
 * @param {string} version such as `24.12.0`
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > NODE_MAJOR || (major === NODE_MAJOR && minor >= NODE_MINOR);
}

/**
 * Runs a script to its end. Signals are passed on to it.
 *
 * @param {string} script
 * @param {readonly string[]} args
 * @param {Record<string, string>} env added to ours
 * @returns {Promise<number>} its exit code; 128 and more when a signal ended it
 */
function runTypeScript(script, args, env = {}) {
  const node = nodeBinary();
  const child = spawn(node, [script, ...args], {
    cwd: ROOT,
    // The script sees us die by the closed channel; nothing is ever sent through it.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    // Tools that begin with `#!/usr/bin/env node` must find this Node, not the old one.
    env: environment({ ...process.env, ...env }, node),
  });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
    process.on(signal, () => child.kill(signal));
  const parentCheck = watchParent(() => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    child.once("error", (error) => fail(`${node} does not start: ${error.message}`));
    child.once("exit", (code, signal) => {
      clearInterval(parentCheck);
      resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]);
    });
  });
}

/**
 * What a script and all that it starts get.
 *
 * @param {NodeJS.ProcessEnv} given
 * @param {string} node path of the binary that runs them
 */
export function environment(given, node) {
  const path = [dirname(node), join(ROOT, "node_modules", ".bin"), given["PATH"]];
  return { NODE_COMPILE_CACHE: COMPILE_CACHE, ...given, PATH: path.join(delimiter) };
}

/**
 * npm killed the hard way takes nobody with it; without npm an orphan may be on purpose (nohup).
 *
 * @param {() => void} onOrphaned
 */
function watchParent(onOrphaned) {
  const parent = process.ppid;
  if (process.env["npm_lifecycle_event"] === undefined || parent === 1) return undefined;
  return setInterval(() => process.ppid !== parent && onOrphaned(), PARENT_CHECK_MS);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number | string | null, output: string }>}
 */
function runQuietly(command, args) {
  // CI=true: no tool stops to ask, whatever the terminal is. Nobody can answer on a closed stdin.
  const env = { ...process.env, CI: "true", npm_config_yes: "true" };
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, output: `${error.message}\n` }));
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** @param {string} file */
function hashOf(file) {
  return createHash("sha256")
    .update(readFileSync(file))
    .update(`${process.platform} ${process.arch}`)
    .digest("hex");
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`valify: ${message}\n`);
  process.exit(1);
}
