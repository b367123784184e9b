import { randomBytes } from "node:crypto";

import { ApiKeyCreated, ApiKeyCreation, ApiKeyPage, type ApiKeyView } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { insertApiKey, listApiKeys, revokeApiKey, type StoredApiKey } from "./api-key-queries.ts";
import { recordAudit } from "./audit.ts";
import { actorOf, hashOfSecret, mayGrant, tenantOf } from "./auth.ts";
import { decodeIdCursor, encodeIdCursor } from "./domain/cursor.ts";
import { permissionsOfScopes } from "./domain/permissions.ts";
import { acceptJson } from "./json-body.ts";
import { pageQuery } from "./page-query.ts";
import { failures, sendProblem } from "./problem.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";
import { uuidOf } from "./uuid-param.ts";

/** Tools that look for leaked secrets find them by such a beginning. */
const PREFIX = "vb_live_";
const KEY_BYTE_COUNT = 32;
const HINT_LENGTH = PREFIX.length + 4;

const LIST_ROUTE = {
  schema: {
    summary: "The tenant's API keys, revoked ones too",
    querystring: pageQuery,
    response: { 200: ApiKeyPage },
  },
  config: { permission: "access:read", problems: ["CURSOR_INVALID"] },
} as const;

const CREATE_ROUTE = {
  schema: {
    summary: "Make an API key; it is shown in this answer alone",
    description: "Its scopes cannot exceed what the caller may do.",
    body: ApiKeyCreation,
    response: { 201: ApiKeyCreated },
  },
  config: { permission: "access:write", problems: ["CONTENT_TYPE_UNSUPPORTED"] },
} as const;

const REVOKE_ROUTE = {
  schema: {
    summary: "Revoke an API key, with the sessions it began",
    params: z.object({ api_key_id: z.string() }),
    response: { 204: z.undefined().describe("It is refused from now on") },
  },
  config: { permission: "access:write", problems: ["API_KEY_NOT_FOUND"] },
} as const;

export const apiKeyRoutes: FastifyPluginAsyncZod<{ readonly db: Kysely<Database> }> = async (
  app,
  { db },
) => {
  acceptJson(app);

  app.get("/api_keys", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeIdCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const listing = { tenantId, after, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listApiKeys(trx, listing));
    const page = found.slice(0, limit);
    const next_cursor = found.length > limit ? encodeIdCursor(page.at(-1)?.apiKeyId ?? "") : null;
    return { api_keys: page.map(viewOf), next_cursor };
  });

  app.post("/api_keys", CREATE_ROUTE, async (request, reply) => {
    const { name, scopes } = request.body;
    if (!mayGrant(request, permissionsOfScopes(scopes))) {
      return sendProblem(reply, failures.permissionMissing);
    }
    const tenantId = tenantOf(request);
    const key = PREFIX + randomBytes(KEY_BYTE_COUNT).toString("base64url");
    const hint = key.slice(0, HINT_LENGTH);
    const stored = await inTenant(db, tenantId, async (trx) => {
      const keyHash = hashOfSecret(key);
      const inserted = await insertApiKey(trx, { tenantId, name, hint, scopes, keyHash });
      const object = { objectKind: "api_key", objectId: inserted.apiKeyId };
      const details = { scopes };
      await recordAudit(trx, actorOf(request), { action: "api_key.created", ...object, details });
      return inserted;
    });
    return reply.code(201).send({ ...viewOf(stored), key });
  });

  app.delete("/api_keys/:api_key_id", REVOKE_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const apiKeyId = uuidOf(request.params.api_key_id);
    const isRevoked =
      apiKeyId &&
      (await inTenant(db, tenantId, async (trx) => {
        if (!(await revokeApiKey(trx, tenantId, apiKeyId))) return false;
        const object = { objectKind: "api_key", objectId: apiKeyId };
        await recordAudit(trx, actorOf(request), { action: "api_key.revoked", ...object });
        return true;
      }));
    return isRevoked ? reply.code(204).send() : sendProblem(reply, failures.apiKeyNotFound);
  });
};

function viewOf(key: StoredApiKey): ApiKeyView {
  return {
    api_key_id: key.apiKeyId,
    name: key.name,
    hint: key.hint,
    scopes: [...key.scopes],
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}
