import { IdentityView, PasswordChange } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { recordAudit } from "./audit.ts";
import { actorOf, identityOf } from "./auth.ts";
import { acceptJson } from "./json-body.ts";
import type { Passwords } from "./passwords.ts";
import { type Failure, sendProblem } from "./problem.ts";
import { deleteSessionsOfUser } from "./session-queries.ts";
import type { SignInLimit } from "./sign-in-limit.ts";
import { signInBusy, tooManyAttempts } from "./sign-in.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";
import { findPasswordHash, findUser, updateUser } from "./user-queries.ts";

export interface MeRoutesDeps {
  readonly db: Kysely<Database>;
  readonly passwords: Passwords;
  readonly signInLimit: SignInLimit;
}

const READ_ROUTE = {
  schema: { summary: "Who asks, and what they may do", response: { 200: IdentityView } },
  config: { permission: "self" },
} as const;

const PASSWORD_ROUTE = {
  schema: {
    summary: "Set a new password for oneself",
    description: "All other sessions of the user end.",
    body: PasswordChange,
    response: { 204: z.undefined().describe("The new password is in force") },
  },
  config: {
    permission: "self",
    problems: [
      "CONTENT_TYPE_UNSUPPORTED",
      "USER_REQUIRED",
      "PASSWORD_WRONG",
      "SIGN_IN_LIMITED",
      "SIGN_IN_BUSY",
    ],
  },
} as const;

const userRequired: Failure = {
  status: 403,
  code: "USER_REQUIRED",
  detail: "Only a person who signed in has a password, not an API key",
};
const passwordWrong: Failure = {
  status: 403,
  code: "PASSWORD_WRONG",
  detail: "The present password is another",
};

export const meRoutes: FastifyPluginAsyncZod<MeRoutesDeps> = async (app, deps) => {
  const { db, passwords, signInLimit } = deps;
  acceptJson(app);

  app.get("/me", READ_ROUTE, async (request, reply) => {
    const { tenantId, kind, id, permissions } = identityOf(request);
    const user =
      kind === "user"
        ? await readInTenant(db, tenantId, (trx) => findUser(trx, tenantId, id))
        : undefined;
    return reply.send({
      tenant_id: tenantId,
      kind,
      id,
      email: user?.email ?? null,
      role: user?.role ?? null,
      permissions: [...permissions],
    });
  });

  app.put("/me/password", PASSWORD_ROUTE, async (request, reply) => {
    const { tenantId, kind, id: userId, sessionId: exceptId } = identityOf(request);
    if (kind !== "user") return sendProblem(reply, userRequired);
    const { current_password: current, new_password: next } = request.body;
    // Whoever sits down at an open session has as few guesses as anybody.
    const waitSeconds = await signInLimit.take(userId, request.ip);
    if (waitSeconds !== null) return sendProblem(reply, tooManyAttempts(waitSeconds));
    const stored = await readInTenant(db, tenantId, (trx) =>
      findPasswordHash(trx, tenantId, userId),
    );
    const isRight = await passwords.verify(current, stored);
    if (isRight === null) return sendProblem(reply, signInBusy);
    if (!isRight) return sendProblem(reply, passwordWrong);
    const passwordHash = await passwords.hash(next);
    if (passwordHash === null) return sendProblem(reply, signInBusy);
    const update = { role: undefined, isDisabled: undefined, passwordHash };
    await inTenant(db, tenantId, async (trx) => {
      await updateUser(trx, { tenantId, userId }, update);
      await deleteSessionsOfUser(trx, { tenantId, userId, exceptId });
      const object = { objectKind: "user", objectId: userId };
      await recordAudit(trx, actorOf(request), { action: "user.password_changed", ...object });
    });
    await signInLimit.forget(userId, request.ip);
    return reply.code(204).send();
  });
};
