import { access, constants, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** Where binaries that were fetched once are kept, the user's own place first. */
export function cacheFolders(env: Env): readonly string[] {
  const userCache = env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return [join(userCache, "valify"), "/var/cache/valify"];
}

/** The first that can be written, made if need be. */
export async function writableFolder(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
      return folder;
    } catch {
      // The next one: a home directory may be missing or read-only.
    }
  }
  return undefined;
}
