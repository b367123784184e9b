import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { getuid } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import type { Log } from "./postgres-place.ts";

const run = promisify(execFile);
const TRIES = 3;
const RETRY_MS = 2_000;

/** Where a distribution keeps most of its packages; `newest`: those of its next release. */
const DISTRIBUTIONS = [
  { component: "main", newest: "sid", keyring: "/usr/share/keyrings/debian-archive-keyring.gpg" },
  {
    component: "universe",
    newest: "devel",
    keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
  },
] as const;

export interface PackagedBinary {
  readonly package: string;
  /** Of the file wanted, within the package. */
  readonly path: string;
  /** `own`: of the release this machine runs; what it links to is there. */
  readonly suite: "own" | "newest";
}

/**
 * Takes one file out of a package of the machine's own package source, without installing it and
 * without root: private lists and cache, system state untouched. Returns the file's path.
 */
export async function fetchFromPackage(
  wanted: PackagedBinary,
  folder: string,
  log: Log,
): Promise<string> {
  const sources = await findSources(wanted.suite);
  if (sources.length === 0) throw new Error("no Debian or Ubuntu package source on this machine");
  log(`Fetching ${basename(wanted.path)} from the machine's package source ...`);
  let lastError: unknown;
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    for (const source of sources) {
      try {
        return await fetchFrom(source, wanted, folder);
      } catch (error) {
        lastError = error;
      }
    }
    if (attempt < TRIES) await delay(RETRY_MS);
  }
  throw new Error(reasonOf(lastError));
}

/** Lines for a sources list, made of the machine's own: no host name stands in this repository. */
async function findSources(suite: PackagedBinary["suite"]): Promise<readonly string[]> {
  const format = "$(SITE) $(RELEASE) $(COMPONENT)";
  const args = ["indextargets", "--no-release-info", "--format", format, "Created-By: Packages"];
  const { stdout } = await run("apt-get", args).catch(() => ({ stdout: "" }));
  const targets = [...new Set(stdout.trim().split("\n"))].map((line) => line.split(" "));
  const codenames = await ownCodenames();
  return DISTRIBUTIONS.filter(({ keyring }) => existsSync(keyring)).flatMap((of) =>
    targets
      // Other suites are third parties' or updates only; they hold no whole distribution.
      .filter(([, own, component]) => codenames.has(own ?? "") && component === of.component)
      .map(([site, own]) => {
        const from = suite === "newest" ? of.newest : own;
        return `deb [signed-by=${of.keyring}] ${site} ${from} ${of.component}`;
      }),
  );
}

async function ownCodenames(): Promise<ReadonlySet<string>> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const names = [...release.matchAll(/^(?:\w+_)?CODENAME="?([\w-]+)"?$/gm)].map(([, name]) => name);
  return new Set(names.filter((name) => name !== undefined));
}

async function fetchFrom(source: string, wanted: PackagedBinary, folder: string): Promise<string> {
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
      "Acquire::http::Timeout=20",
      "Acquire::https::Timeout=20",
      // As root apt reads as another user, who may not enter our folder.
      ...(getuid?.() === 0 ? ["APT::Sandbox::User=root"] : []),
    ].flatMap((option) => ["-o", option]);
    const packageFolder = join(work, "package");
    await run("apt-get", [...options, "-qq", "update"], { cwd: packageFolder });
    await run("apt-get", [...options, "-qq", "download", wanted.package], { cwd: packageFolder });
    const [file] = await readdir(packageFolder);
    if (file === undefined) throw new Error("apt-get downloaded nothing");
    await run("dpkg-deb", ["-x", join(packageFolder, file), join(work, "x")]);
    const target = join(folder, basename(wanted.path));
    // One rename: a second start at the same moment finds a whole file or none.
    await rename(join(work, "x", wanted.path), target);
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
