import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { cacheFolders, writableFolder } from "./binary-cache.ts";
import { fetchFromPackage } from "./fetch-package.ts";
import type { Log } from "./postgres-place.ts";

const PACKAGE = { package: "prometheus", path: "usr/bin/promtool", suite: "own" } as const;

/** Path of promtool: PROMTOOL_BIN, PATH, the cache, or fetched into the cache. Throws why not. */
export async function ensurePromtool(
  log: Log,
  env: Readonly<Record<string, string | undefined>> = process.env,
  caches: readonly string[] = cacheFolders(env),
): Promise<string> {
  const named = env["PROMTOOL_BIN"];
  if (named !== undefined && named !== "") return named;
  const folders = [...(env["PATH"] ?? "").split(delimiter), ...caches];
  const found = folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, "promtool"))
    .find((path) => existsSync(path));
  if (found !== undefined) return found;
  const cache = await writableFolder(caches);
  if (cache === undefined) throw new Error("there is no place to keep it");
  return fetchFromPackage(PACKAGE, cache, log);
}
