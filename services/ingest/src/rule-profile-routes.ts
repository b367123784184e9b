import {
  RuleProfile,
  RuleProfileInput,
  RuleProfilePage,
  RuleProfileView,
} from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyInstance } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { actorOf, tenantOf } from "./auth.ts";
import { decodeRowCursor, encodeRowCursor } from "./domain/cursor.ts";
import { failures, sendProblem } from "./problem.ts";
import { listProfiles, type StoredRuleProfile } from "./rule-profile-queries.ts";
import { changeProfile, currentProfile, refuseProfile } from "./rule-profile.ts";
import { readInTenant } from "./tenant-scope.ts";

const historyQuery = z.strictObject({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
const ENTITY_TAG = /^(?:W\/)?"(\d{1,9})"$/;

const READ_ROUTE = {
  schema: { summary: "The rules in force", response: { 200: RuleProfileView } },
  config: { permission: "rules:read" },
} as const;

const HISTORY_ROUTE = {
  schema: {
    summary: "Every version of the rules, newest first",
    querystring: historyQuery,
    response: { 200: RuleProfilePage },
  },
  config: { permission: "rules:read", problems: ["CURSOR_INVALID"] },
} as const;

const CHANGE_ROUTE = {
  schema: {
    summary: "Put a new version of the rules in force",
    body: RuleProfileInput,
    response: { 200: RuleProfileView },
  },
  config: {
    permission: "rules:write",
    problems: ["RULE_UNKNOWN", "RULE_PROFILE_CHANGED", "CONTENT_TYPE_UNSUPPORTED"],
  },
} as const;

/** The rules of a tenant: what is in force, what was, and a new version of them. */
export const ruleProfileRoutes: FastifyPluginAsyncZod<{
  readonly db: Kysely<Database>;
}> = async (app, { db }) => {
  acceptJson(app);

  app.get("/rule_profile", READ_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const stored = await readInTenant(db, tenantId, (trx) => currentProfile(trx, tenantId));
    return reply.header("etag", `"${stored.version}"`).send(viewOf(stored));
  });

  app.get("/rule_profile/history", HISTORY_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const before = cursor === undefined ? undefined : decodeRowCursor(cursor);
    if (before === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const listing = { tenantId, before, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listProfiles(trx, listing));
    const profiles = found.slice(0, limit).map(viewOf);
    const last = profiles.at(-1)?.version ?? 0;
    return { profiles, next_cursor: found.length > limit ? encodeRowCursor(last) : null };
  });

  app.put("/rule_profile", CHANGE_ROUTE, async (request, reply) => {
    const profile = request.body;
    const failure = refuseProfile(profile);
    if (failure !== null) return sendProblem(reply, failure);
    const seen = request.headers["if-match"];
    const seenVersion = seen === undefined ? undefined : Number(ENTITY_TAG.exec(seen)?.[1] ?? -1);
    const change = await changeProfile(db, actorOf(request), { profile, seenVersion });
    if (change.kind === "stale") return sendProblem(reply, failures.ruleProfileChanged);
    return reply.header("etag", `"${change.stored.version}"`).send(viewOf(change.stored));
  });
};

/** The routes around these take no bodies at all. */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, parse);
}

function viewOf({ version, rulesetVersion, profile, createdAt }: StoredRuleProfile) {
  return {
    version,
    ruleset_version: rulesetVersion,
    profile: RuleProfile.parse(profile),
    created_at: createdAt?.toISOString() ?? null,
  };
}
