import { confirmSecretKey, type Database, type KeySchema } from "@valify/database";
import type { Kysely } from "kysely";

import { awaitDatabase } from "./await-database.ts";
import { ConfigError } from "./config.ts";
import type { Logger } from "./logger.ts";

export interface SecretKeyDeps {
  readonly db: Kysely<Database>;
  /** Of the service that asks. */
  readonly schema: KeySchema;
  readonly log: Logger;
}

/**
 * Throws ConfigError where SECRET_KEY is another than the database was written under: going on would
 * lose silently what is sealed and hashed under the old one. Before anything is written or taken in.
 */
export async function requireSecretKey(
  { db, schema, log }: SecretKeyDeps,
  secretKey: string,
): Promise<void> {
  if (await awaitDatabase(() => confirmSecretKey(db, schema, secretKey), log)) return;
  throw new ConfigError(
    "SECRET_KEY is not the one this database was written under: no secret of an endpoint could be " +
      "opened, and nobody who was erased would be known again. Put the old key back; where it is " +
      "lost, docs/secret-key.md says what to do",
  );
}
