import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { StartError } from "./checkout.ts";

/** Made at the first start and kept: without SECRET_KEY the stored endpoint secrets are lost. */
interface Secrets {
  readonly SECRET_KEY: string;
  readonly BOOTSTRAP_API_KEY: string;
  readonly ADMIN_EMAIL: string;
  readonly ADMIN_PASSWORD: string;
}

const NAMES = ["SECRET_KEY", "BOOTSTRAP_API_KEY", "ADMIN_EMAIL", "ADMIN_PASSWORD"] as const;
/** Nobody's mailbox: a name to sign in with. */
const FIRST_ADMIN = "admin@valify.example";

export interface KeptSecrets {
  readonly secrets: Secrets;
  readonly file: string;
  readonly isFirstRun: boolean;
  /** Also where the file is of before there was one. */
  readonly isNewAdmin: boolean;
}

/** Reads `secrets.json` of the data directory, or makes it, readable by its owner alone. */
export async function keepSecrets(dataDir: string): Promise<KeptSecrets> {
  const file = join(dataDir, "secrets.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new StartError(`${file} can't be read (${error.code})`);
  });
  const kept = text === undefined ? {} : parse(text, file);
  const secrets = {
    SECRET_KEY: randomBytes(32).toString("base64"),
    BOOTSTRAP_API_KEY: `vb_live_${randomBytes(32).toString("base64url")}`,
    ADMIN_EMAIL: FIRST_ADMIN,
    ADMIN_PASSWORD: randomBytes(18).toString("base64url"),
    ...kept,
  };
  const isNewAdmin = kept.ADMIN_PASSWORD === undefined;
  if (isNewAdmin) await write(file, secrets);
  return { secrets, file, isFirstRun: text === undefined, isNewAdmin };
}

/** Renamed when complete: half a file would stop every later start. */
async function write(file: string, secrets: Secrets): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
}

function parse(text: string, file: string): Partial<Secrets> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      const found: Partial<Record<keyof Secrets, unknown>> = value;
      const kept: { -readonly [Name in keyof Secrets]?: string } = {};
      for (const name of NAMES) if (typeof found[name] === "string") kept[name] = found[name];
      if (kept.SECRET_KEY !== undefined && kept.BOOTSTRAP_API_KEY !== undefined) return kept;
    }
  } catch {
    // Told below: the parser's own words would quote the secret.
  }
  throw new StartError(`${file} is damaged: restore it, since stored secrets are sealed with it`);
}
