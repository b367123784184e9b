import { type Role, UserChange, UserCreation, UserPage, UserView } from "@valify/contracts/api";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { actorOf, mayGrant, tenantOf } from "./auth.ts";
import { decodeIdCursor, encodeIdCursor } from "./domain/cursor.ts";
import { permissionsOfRole } from "./domain/permissions.ts";
import { acceptJson } from "./json-body.ts";
import { pageQuery } from "./page-query.ts";
import { failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";
import { changeUser, createUser, removeUser, type UserChangesDeps } from "./user-changes.ts";
import { findUser, listUsers, type StoredUser } from "./user-queries.ts";
import { uuidOf } from "./uuid-param.ts";

const params = z.object({ user_id: z.string() });

const LIST_ROUTE = {
  schema: {
    summary: "The tenant's people",
    querystring: pageQuery,
    response: { 200: UserPage },
  },
  config: { permission: "access:read", problems: ["CURSOR_INVALID"] },
} as const;

const READ_ROUTE = {
  schema: { summary: "One user", params, response: { 200: UserView } },
  config: { permission: "access:read", problems: ["USER_NOT_FOUND"] },
} as const;

const CREATE_ROUTE = {
  schema: {
    summary: "Add somebody",
    description: "Without a password they sign in through the identity provider.",
    body: UserCreation,
    response: { 201: UserView },
  },
  config: {
    permission: "access:write",
    problems: ["CONTENT_TYPE_UNSUPPORTED", "EMAIL_TAKEN", "SIGN_IN_BUSY"],
  },
} as const;

const CHANGE_ROUTE = {
  schema: {
    summary: "Change a role, disable, or set a new password",
    description: "A new password and disabling end all sessions of the user.",
    params,
    body: UserChange,
    response: { 200: UserView },
  },
  config: {
    permission: "access:write",
    problems: ["CONTENT_TYPE_UNSUPPORTED", "USER_NOT_FOUND", "LAST_ADMIN", "SIGN_IN_BUSY"],
  },
} as const;

const REMOVE_ROUTE = {
  schema: {
    summary: "Remove somebody, with their sessions",
    params,
    response: { 204: z.undefined().describe("They are gone") },
  },
  config: { permission: "access:write", problems: ["USER_NOT_FOUND", "LAST_ADMIN"] },
} as const;

export const userRoutes: FastifyPluginAsyncZod<UserChangesDeps> = async (app, deps) => {
  const { db } = deps;
  acceptJson(app);

  app.get("/users", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeIdCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const listing = { tenantId, after, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listUsers(trx, listing));
    const page = found.slice(0, limit);
    const next_cursor = found.length > limit ? encodeIdCursor(page.at(-1)?.userId ?? "") : null;
    return { users: page.map(viewOf), next_cursor };
  });

  app.get("/users/:user_id", READ_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const userId = uuidOf(request.params.user_id);
    const user =
      userId && (await readInTenant(db, tenantId, (trx) => findUser(trx, tenantId, userId)));
    return user ? viewOf(user) : sendProblem(reply, failures.userNotFound);
  });

  app.post("/users", CREATE_ROUTE, async (request, reply) => {
    if (!mayMake(request, request.body.role)) return sendProblem(reply, failures.permissionMissing);
    const outcome = await createUser(deps, actorOf(request), request.body);
    if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
    reply.header("location", `/users/${outcome.user.userId}`);
    return reply.code(201).send(viewOf(outcome.user));
  });

  app.patch("/users/:user_id", CHANGE_ROUTE, async (request, reply) => {
    const { role, password } = request.body;
    // Whoever sets a password could sign in with it, so it counts like making an admin.
    const granted = role ?? (password === undefined ? undefined : "admin");
    if (granted !== undefined && !mayMake(request, granted)) {
      return sendProblem(reply, failures.permissionMissing);
    }
    const userId = uuidOf(request.params.user_id);
    if (userId === undefined) return sendProblem(reply, failures.userNotFound);
    const outcome = await changeUser(deps, actorOf(request), userId, request.body);
    if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
    return viewOf(outcome.user);
  });

  app.delete("/users/:user_id", REMOVE_ROUTE, async (request, reply) => {
    const userId = uuidOf(request.params.user_id);
    if (userId === undefined) return sendProblem(reply, failures.userNotFound);
    const outcome = await removeUser(db, actorOf(request), userId);
    if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
    return reply.code(204).send();
  });
};

/** Nobody hands out more than they have, such as a key that may write access and nothing else. */
function mayMake(request: Pick<FastifyRequest, "getDecorator">, role: Role): boolean {
  return mayGrant(request, permissionsOfRole(role));
}

function viewOf(user: StoredUser): UserView {
  return {
    user_id: user.userId,
    email: user.email,
    role: user.role,
    status: user.isDisabled ? "disabled" : "active",
    has_password: user.hasPassword,
    created_at: user.createdAt.toISOString(),
  };
}
