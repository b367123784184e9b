import { IdentityView, SignIn } from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

import { originOf } from "./auth.ts";
import { permissionsOfRole } from "./domain/permissions.ts";
import { acceptJson } from "./json-body.ts";
import { failures, sendProblem } from "./problem.ts";
import { sessionTokenOf, setSessionCookie } from "./session-cookie.ts";
import type { PasswordSignIn } from "./sign-in.ts";

export interface SignInRouteDeps {
  readonly signIn: PasswordSignIn;
  /** Where the server listens. */
  readonly host: string;
}

const ROUTE = {
  schema: {
    summary: "Sign in with address and password",
    description: "The answer sets the session's cookie. Wrong pairs are counted and slowed down.",
    body: SignIn,
    response: { 201: IdentityView },
  },
  config: {
    problems: [
      "REQUEST_INVALID",
      "BODY_TOO_LARGE",
      "CONTENT_TYPE_UNSUPPORTED",
      "SIGN_IN_REFUSED",
      "SIGN_IN_LIMITED",
      "SIGN_IN_BUSY",
      "CSRF_REFUSED",
      "DATABASE_UNAVAILABLE",
    ],
  },
} as const;

/** Open to everybody: who asks is what it finds out. */
export const signInRoute: FastifyPluginAsyncZod<SignInRouteDeps> = async (
  app,
  { signIn, host },
) => {
  acceptJson(app);

  app.post("/sessions", ROUTE, async (request, reply) => {
    // Another site could sign a visitor in as somebody else.
    if (originOf(request) === "foreign") return sendProblem(reply, failures.csrfRefused);
    const { email, password } = request.body;
    const replaced = sessionTokenOf(request);
    const outcome = await signIn({ email, password, ip: request.ip, replaced });
    if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
    const { user, token } = outcome;
    setSessionCookie(request, reply, { host, token });
    return reply
      .code(201)
      .header("cache-control", "no-store")
      .send({
        tenant_id: user.tenantId,
        kind: "user",
        id: user.userId,
        email: user.email,
        role: user.role,
        permissions: [...permissionsOfRole(user.role)],
      });
  });
};
