import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { StartError } from "./checkout.ts";

/** Made at the first start and kept: without SECRET_KEY the stored endpoint secrets are lost. */
interface Secrets {
  readonly SECRET_KEY: string;
  readonly BOOTSTRAP_API_KEY: string;
}

export interface KeptSecrets {
  readonly secrets: Secrets;
  readonly file: string;
  readonly isFirstRun: boolean;
}

/** Reads `secrets.json` of the data directory, or makes it, readable by its owner alone. */
export async function keepSecrets(dataDir: string): Promise<KeptSecrets> {
  const file = join(dataDir, "secrets.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new StartError(`${file} can't be read (${error.code})`);
  });
  if (text !== undefined) return { secrets: parse(text, file), file, isFirstRun: false };

  const secrets = {
    SECRET_KEY: randomBytes(32).toString("base64"),
    BOOTSTRAP_API_KEY: `vb_live_${randomBytes(32).toString("base64url")}`,
  };
  // Renamed when complete: half a file would stop every later start.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
  return { secrets, file, isFirstRun: true };
}

function parse(text: string, file: string): Secrets {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      const { SECRET_KEY, BOOTSTRAP_API_KEY }: Partial<Record<keyof Secrets, unknown>> = value;
      if (typeof SECRET_KEY === "string" && typeof BOOTSTRAP_API_KEY === "string") {
        return { SECRET_KEY, BOOTSTRAP_API_KEY };
      }
    }
  } catch {
    // Told below: the parser's own words would quote the secret.
  }
  throw new StartError(`${file} is damaged: restore it, since stored secrets are sealed with it`);
}
