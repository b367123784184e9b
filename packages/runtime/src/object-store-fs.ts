import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { ObjectStore } from "./object-store.ts";

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
      const draft = join(dirname(path), `.draft-${randomUUID()}`);
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
    async check() {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
    },
    async [Symbol.asyncDispose]() {},
  };
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

function ignoreMissing(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  // ENOTDIR: the key goes on below another object.
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
