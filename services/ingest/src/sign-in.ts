import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { recordAudit } from "./audit.ts";
import type { Passwords } from "./passwords.ts";
import { type Failure } from "./problem.ts";
import { startSession } from "./sessions.ts";
import type { SignInLimit } from "./sign-in-limit.ts";
import { findUserByEmail, type SignInUser } from "./sign-in-queries.ts";
import { asSystem, inTenant } from "./tenant-scope.ts";

export interface SignInDeps {
  readonly db: Kysely<Database>;
  readonly passwords: Passwords;
  readonly signInLimit: SignInLimit;
}

export interface SignInAttempt {
  readonly email: string;
  readonly password: string;
  readonly ip: string;
  /** The session that the browser came with. */
  readonly replaced: string | undefined;
}

export type SignInOutcome =
  | { readonly kind: "signed_in"; readonly token: string; readonly user: SignInUser }
  | { readonly kind: "refused"; readonly failure: Failure };

/** The same words whether the address is unknown, the password wrong or the user disabled. */
const refused: Failure = {
  status: 401,
  code: "SIGN_IN_REFUSED",
  detail: "The address and the password do not belong together",
};
export const signInBusy: Failure = {
  status: 503,
  code: "SIGN_IN_BUSY",
  detail: "Too many people sign in at once. Try again in a moment",
  headers: { "retry-after": "2" },
};

export function createSignIn({ db, passwords, signInLimit }: SignInDeps) {
  return async function signIn(attempt: SignInAttempt): Promise<SignInOutcome> {
    const { password, ip, replaced } = attempt;
    const email = attempt.email.trim().toLowerCase();
    const waitSeconds = await signInLimit.take(email, ip);
    if (waitSeconds !== null) return { kind: "refused", failure: tooManyAttempts(waitSeconds) };
    const user = await asSystem(db, (trx) => findUserByEmail(trx, email));
    // Also for nobody: how long the answer takes must not tell who is there.
    const isRight = await passwords.verify(password, user?.passwordHash);
    if (isRight === null) return { kind: "refused", failure: signInBusy };
    if (user === undefined || user.isDisabled || !isRight) {
      if (user !== undefined) await recordRefusal(user, ip);
      return { kind: "refused", failure: refused };
    }
    await signInLimit.forget(email, ip);
    const { tenantId, userId: id } = user;
    const owner = { tenantId, kind: "user", id, ip } as const;
    const token = await startSession(db, owner, { replaced, how: "password" });
    return { kind: "signed_in", token, user };
  };

  /** By nobody in particular: whoever tried has not shown who they are. */
  async function recordRefusal({ tenantId, userId }: SignInUser, ip: string): Promise<void> {
    const actor = { tenantId, kind: "system", id: null, ip } as const;
    const object = { objectKind: "user", objectId: userId };
    await inTenant(db, tenantId, (trx) =>
      recordAudit(trx, actor, { action: "session.refused", ...object }),
    );
  }
}

export type PasswordSignIn = ReturnType<typeof createSignIn>;

export function tooManyAttempts(seconds: number): Failure {
  return {
    status: 429,
    code: "SIGN_IN_LIMITED",
    detail: "Too many attempts to sign in. Retry-After says when to try again",
    headers: { "retry-after": String(seconds) },
  };
}
