import type { Database } from "@valify/database";
import { awaitDatabase, type Logger, type SecretBox } from "@valify/runtime";
import type { Kysely, Transaction } from "kysely";

import { hashOfSecret } from "./auth.ts";
import { ensureApiKey, ensureTenant, putDefaultEndpoint } from "./bootstrap-queries.ts";
import { createPasswords } from "./passwords.ts";
import { findUserByEmail } from "./sign-in-queries.ts";
import { asSystem } from "./tenant-scope.ts";
import { insertUser } from "./user-queries.ts";

/** Fixed for ever: batches and keys of every installation hang on it. */
export const DEFAULT_TENANT_ID = "5a1f0d3c-8e47-4b62-9c15-7d2e6b90a4f8";

/** A generated key is longer; shorter ones were thought up by somebody. */
const KEY_LENGTH_ADVISED = 32;

export interface BootstrapDeps {
  readonly db: Kysely<Database>;
  readonly secretBox: SecretBox;
  readonly log: Logger;
}

export interface BootstrapSettings {
  readonly BOOTSTRAP_API_KEY?: string | undefined;
  readonly ADMIN_EMAIL?: string | undefined;
  readonly ADMIN_PASSWORD?: string | undefined;
  readonly defaultEndpoint: { readonly url: string; readonly secret: string } | null;
}

/**
 * Makes what the settings describe: the default tenant, its first key, its default endpoint.
 * Repeatable, from any number of replicas. Waits for a database that does not answer yet.
 */
export async function bootstrap(deps: BootstrapDeps, settings: BootstrapSettings): Promise<void> {
  await awaitDatabase(() => putSettings(deps, settings), deps.log);
}

async function putSettings(deps: BootstrapDeps, settings: BootstrapSettings): Promise<void> {
  await asSystem(deps.db, (trx) => putAll(trx, deps, settings));
  await ensureAdmin(deps.db, settings);
}

async function putAll(
  trx: Transaction<Database>,
  { secretBox, log }: BootstrapDeps,
  settings: BootstrapSettings,
): Promise<void> {
  const { BOOTSTRAP_API_KEY: apiKey, defaultEndpoint } = settings;
  const tenantId = DEFAULT_TENANT_ID;
  await ensureTenant(trx, tenantId, "default");
  if (apiKey !== undefined) {
    await ensureApiKey(trx, { tenantId, name: "bootstrap", keyHash: hashOfSecret(apiKey) });
    if (apiKey.length < KEY_LENGTH_ADVISED) log.warn("bootstrap_key.found_short");
  }
  if (defaultEndpoint !== null) {
    const { url, secret } = defaultEndpoint;
    const sealedSecret = secretBox.seal(secret);
    // With our own key in it: under another one the secret has to be sealed anew.
    const settingsHash = secretBox.fingerprint(`${url} ${secret}`);
    await putDefaultEndpoint(trx, { tenantId, url, sealedSecret, settingsHash });
  }
}

/** The first person. Whoever is there already stays as they are, their password too. */
async function ensureAdmin(
  db: Kysely<Database>,
  { ADMIN_EMAIL: given, ADMIN_PASSWORD: password }: BootstrapSettings,
): Promise<void> {
  if (given === undefined || password === undefined) return;
  const email = given.toLowerCase();
  if (await asSystem(db, (trx) => findUserByEmail(trx, email))) return;
  const passwordHash = await createPasswords().hash(password);
  const admin = { tenantId: DEFAULT_TENANT_ID, email, role: "admin", passwordHash } as const;
  await asSystem(db, (trx) => insertUser(trx, admin));
}
