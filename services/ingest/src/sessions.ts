import { randomBytes } from "node:crypto";

import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { deleteSession, findSession, insertSession } from "./access-queries.ts";
import { type Actor, recordAudit } from "./audit.ts";
import { hashOfSecret } from "./auth.ts";
import { SESSION_DURATION_MS } from "./session-cookie.ts";
import { inTenant } from "./tenant-scope.ts";

const TOKEN_BYTE_COUNT = 32;

/**
 * A new session with a new token, of which only the hash is kept. `replaced` is the one that the
 * browser came with: a token from before the sign-in is worth nothing after it.
 */
export async function startSession(
  db: Kysely<Database>,
  owner: Actor & { readonly kind: "user" | "api_key"; readonly id: string },
  { replaced, how }: { readonly replaced: string | undefined; readonly how: string },
): Promise<string> {
  const { tenantId, kind, id } = owner;
  if (replaced !== undefined) await endSession(db, replaced, owner.ip);
  const token = randomBytes(TOKEN_BYTE_COUNT).toString("base64url");
  await inTenant(db, tenantId, async (trx) => {
    const { sessionId } = await insertSession(trx, {
      tenantId,
      apiKeyId: kind === "api_key" ? id : null,
      userId: kind === "user" ? id : null,
      sessionHash: hashOfSecret(token),
      durationMs: SESSION_DURATION_MS,
    });
    const object = { objectKind: "session", objectId: sessionId };
    await recordAudit(trx, owner, { action: "session.started", ...object, details: { how } });
  });
  return token;
}

/** A session that has ended by itself is as good as signed out. */
export async function endSession(
  db: Kysely<Database>,
  token: string,
  ip: string | null,
): Promise<void> {
  const session = await findSession(db, hashOfSecret(token));
  if (session === undefined) return;
  const { tenantId, sessionId } = session;
  const owner =
    session.userId === null
      ? ({ kind: "api_key", id: session.apiKeyId } as const)
      : ({ kind: "user", id: session.userId } as const);
  await inTenant(db, tenantId, async (trx) => {
    await deleteSession(trx, hashOfSecret(token));
    const object = { objectKind: "session", objectId: sessionId };
    await recordAudit(trx, { tenantId, ...owner, ip }, { action: "session.ended", ...object });
  });
}
