import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, open, opendir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import type { ListedObject, ObjectStore } from "./object-store.ts";

const DRAFT = ".draft-";
const FOLDER = /^([a-z0-9][a-z0-9_-]*\/)+$/i;
const KEY = /^[a-z0-9][a-z0-9_-]*(\/[a-z0-9][a-z0-9_.-]*)*$/i;

/** Files below one folder, for one machine. Written beside their place, synced, then renamed. */
export function createFsObjectStore(root: URL): ObjectStore {
  const folder = fileURLToPath(root);
  const pathOf = (key: string) => {
    // Keys are ours, but a path is no place to trust anybody.
    if (!KEY.test(key) || key.includes("..")) throw new Error("not an object key");
    return join(folder, key);
  };
  return {
    async put(key, bytes) {
      const path = pathOf(key);
      await mkdir(dirname(path), { recursive: true });
      const draft = join(dirname(path), `${DRAFT}${randomUUID()}`);
      try {
        await writeSynced(draft, bytes);
        await rename(draft, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
    async get(key) {
      const path = pathOf(key);
      const found = await stat(path).catch(ignoreMissing);
      // A folder is the beginning of other keys, not an object.
      if (found === undefined || !found.isFile()) return undefined;
      return { stream: createReadStream(path), byteCount: found.size };
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    async *list(below): AsyncGenerator<ListedObject> {
      if (!FOLDER.test(below)) throw new Error("not a folder of object keys");
      for await (const { path, modifiedAt } of filesBelow(join(folder, below))) {
        if (!isDraft(path)) yield { key: relative(folder, path), modifiedAt };
      }
    },
    async removeLeftovers(before) {
      let count = 0;
      for await (const { path, modifiedAt } of filesBelow(folder)) {
        if (!isDraft(path) || modifiedAt >= before) continue;
        await rm(path, { force: true });
        count += 1;
      }
      return count;
    },
    async check() {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
    },
    async [Symbol.asyncDispose]() {},
  };
}

const isDraft = (path: string) => basename(path).startsWith(DRAFT);

/** Files that come or go meanwhile may be in it or not; a folder that is not there is empty. */
async function* filesBelow(path: string): AsyncGenerator<{ path: string; modifiedAt: Date }> {
  const folder = await opendir(path, { recursive: true }).catch(ignoreAbsent);
  if (folder === undefined) return;
  for await (const entry of folder) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const found = await stat(file).catch(ignoreMissing);
    if (found !== undefined) yield { path: file, modifiedAt: found.mtime };
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "wx");
  await file.writeFile(bytes);
  await file.sync();
}

/** The rename itself must survive a power cut too. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

/** ENOTDIR: the key goes on below another object. */
const ignoreMissing = (error: unknown) => ignoreCodes(error, ["ENOENT", "ENOTDIR"]);
const ignoreAbsent = (error: unknown) => ignoreCodes(error, ["ENOENT"]);

function ignoreCodes(error: unknown, codes: readonly string[]): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code === "string" && codes.includes(code)) return undefined;
  throw error;
}
