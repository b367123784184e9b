import type { Database } from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import type { OidcChecks, OidcPerson, OidcProvider } from "./oidc-provider.ts";
import { bindSubject, findUserBySubject, type OidcUser } from "./oidc-queries.ts";
import type { Failure } from "./problem.ts";
import { startSession } from "./sessions.ts";
import { asSystem } from "./tenant-scope.ts";

export interface OidcSignInDeps {
  readonly db: Kysely<Database>;
  readonly provider: OidcProvider;
  readonly log: Logger;
}

export interface OidcReturn {
  readonly search: string;
  readonly checks: OidcChecks;
  readonly ip: string;
  readonly replaced: string | undefined;
}

export type OidcOutcome =
  | { readonly kind: "signed_in"; readonly token: string }
  | { readonly kind: "refused"; readonly failure: Failure };

export const oidcRefused: Failure = {
  status: 401,
  code: "OIDC_REFUSED",
  detail: "The identity provider did not sign you in, or took too long. Try again",
};
const userUnknown: Failure = {
  status: 403,
  code: "OIDC_USER_UNKNOWN",
  detail: "Nobody has added you here, or you were disabled. Ask an admin of your tenant",
};

/** Only who was added before may come in: the provider says who somebody is, we say what they may. */
export async function finishOidcSignIn(
  { db, provider, log }: OidcSignInDeps,
  { search, checks, ip, replaced }: OidcReturn,
): Promise<OidcOutcome> {
  let person: OidcPerson;
  try {
    person = await provider.finish(search, checks);
  } catch (error) {
    // The code alone: the library's errors may hold what the provider answered.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    log.warn({ code }, "oidc.refused");
    return { kind: "refused", failure: oidcRefused };
  }
  const user = await findPerson(db, person);
  if (user === undefined || user.isDisabled) return { kind: "refused", failure: userUnknown };
  const { tenantId, userId: id } = user;
  const owner = { tenantId, kind: "user", id, ip } as const;
  return { kind: "signed_in", token: await startSession(db, owner, { replaced, how: "oidc" }) };
}

async function findPerson(
  db: Kysely<Database>,
  { subject, email }: OidcPerson,
): Promise<OidcUser | undefined> {
  return asSystem(db, async (trx) => {
    const bound = await findUserBySubject(trx, subject);
    if (bound !== undefined || email === null) return bound;
    return bindSubject(trx, email, subject);
  });
}
