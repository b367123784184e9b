import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getuid } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import type { Log } from "./postgres-place.ts";

const run = promisify(execFile);
const TRIES = 3;
const RETRY_MS = 2_000;

/** Where a distribution keeps its newest nats-server; the released ones carry one too old for us. */
const NEWEST = [
  { component: "main", suite: "sid", keyring: "/usr/share/keyrings/debian-archive-keyring.gpg" },
  {
    component: "universe",
    suite: "devel",
    keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
  },
] as const;

/**
 * Takes the newest nats-server package of the machine's own package source, without installing it
 * and without root: private lists and cache, system state untouched. Returns the binary's path.
 */
export async function fetchNatsServer(folder: string, log: Log): Promise<string> {
  const sources = await findSources();
  if (sources.length === 0) throw new Error("no Debian or Ubuntu package source on this machine");
  log("Fetching nats-server from the machine's package source ...");
  let lastError: unknown;
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    for (const source of sources) {
      try {
        return await fetchFrom(source, folder);
      } catch (error) {
        lastError = error;
      }
    }
    if (attempt < TRIES) await delay(RETRY_MS);
  }
  throw new Error(reasonOf(lastError));
}

/** Lines for a sources list, made of the machine's own: no host name stands in this repository. */
async function findSources(): Promise<readonly string[]> {
  const format = "$(SITE) $(RELEASE) $(COMPONENT)";
  const args = ["indextargets", "--no-release-info", "--format", format, "Created-By: Packages"];
  const { stdout } = await run("apt-get", args).catch(() => ({ stdout: "" }));
  const targets = [...new Set(stdout.trim().split("\n"))].map((line) => line.split(" "));
  const codenames = await ownCodenames();
  return NEWEST.filter(({ keyring }) => existsSync(keyring)).flatMap((newest) =>
    targets
      // Other suites are third parties' or updates only; they hold no whole distribution.
      .filter(
        ([, suite, component]) => codenames.has(suite ?? "") && component === newest.component,
      )
      .map(
        ([site]) => `deb [signed-by=${newest.keyring}] ${site} ${newest.suite} ${newest.component}`,
      ),
  );
}

async function ownCodenames(): Promise<ReadonlySet<string>> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const names = [...release.matchAll(/^(?:\w+_)?CODENAME="?([\w-]+)"?$/gm)].map(([, name]) => name);
  return new Set(names.filter((name) => name !== undefined));
}

async function fetchFrom(source: string, folder: string): Promise<string> {
  const work = await mkdtemp(join(folder, "fetch-"));
  try {
    for (const name of ["lists/partial", "cache/archives/partial", "package"]) {
      await mkdir(join(work, name), { recursive: true });
    }
    await writeFile(join(work, "sources.list"), `${source}\n`);
    const options = [
      `Dir::Etc::SourceList=${work}/sources.list`,
      "Dir::Etc::SourceParts=/dev/null",
      `Dir::State::Lists=${work}/lists`,
      `Dir::Cache=${work}/cache`,
      // An unreachable source is an error, not a warning.
      "APT::Update::Error-Mode=any",
      // As root apt reads as another user, who may not enter our folder.
      ...(getuid?.() === 0 ? ["APT::Sandbox::User=root"] : []),
    ].flatMap((option) => ["-o", option]);
    const packageFolder = join(work, "package");
    await run("apt-get", [...options, "-qq", "update"], { cwd: packageFolder });
    await run("apt-get", [...options, "-qq", "download", "nats-server"], { cwd: packageFolder });
    const [file] = await readdir(packageFolder);
    if (file === undefined) throw new Error("apt-get downloaded nothing");
    await run("dpkg-deb", ["-x", join(packageFolder, file), join(work, "x")]);
    const target = join(folder, "nats-server");
    // One rename: a second start at the same moment finds a whole file or none.
    await rename(join(work, "x", "usr", "sbin", "nats-server"), target);
    return target;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The tool's last line of complaint, which is one line. */
function reasonOf(error: unknown): string {
  const output = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  return output.trim().split("\n").at(-1) ?? "no reason given";
}
