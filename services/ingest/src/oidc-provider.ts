import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { z } from "zod";

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of our callback, as the provider knows it. */
  readonly redirectUrl: string;
}

/** What a sign-in under way has to remember until the provider sends the browser back. */
export const OidcChecks = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  startedMs: z.number(),
});
export type OidcChecks = z.infer<typeof OidcChecks>;

/** Who the provider says it is. */
export interface OidcPerson {
  /** Issuer and subject: what stays the same when an address changes. */
  readonly subject: string;
  /** Lower case. Null where the provider does not vouch for it. */
  readonly email: string | null;
}

export interface OidcProvider {
  /** Where to send the browser. Rejects while the provider does not answer. */
  begin(nowMs: number): Promise<{ readonly url: string; readonly checks: OidcChecks }>;
  /** `search` is the query with which the browser came back. Rejects where anything is not right. */
  finish(search: string, checks: OidcChecks): Promise<OidcPerson>;
}

const TIMEOUT_SECONDS = 10;
const Claims = z.object({
  iss: z.string(),
  sub: z.string(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
});

/** Code flow with PKCE, state and nonce; the id token's signature is checked as well. */
export function createOidcProvider(settings: OidcSettings): OidcProvider {
  const { issuer, clientId, clientSecret, redirectUrl } = settings;
  let known: Promise<Configuration> | undefined;

  function configuration(): Promise<Configuration> {
    known ??= discover().catch((error: unknown) => {
      known = undefined; // asked again at the next sign-in
      throw error;
    });
    return known;
  }

  function discover(): Promise<Configuration> {
    const url = new URL(issuer);
    const execute = [enableNonRepudiationChecks];
    // The settings allow it on one's own machine alone.
    if (url.protocol === "http:") execute.push(allowInsecureRequests);
    return discovery(url, clientId, clientSecret, undefined, { execute, timeout: TIMEOUT_SECONDS });
  }

  return {
    async begin(nowMs) {
      const verifier = randomPKCECodeVerifier();
      const checks = { state: randomState(), nonce: randomNonce(), verifier, startedMs: nowMs };
      const url = buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUrl,
        scope: "openid email",
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return { url: url.href, checks };
    },
    async finish(search, { state, nonce, verifier }) {
      const current = new URL(search, redirectUrl);
      const tokens = await authorizationCodeGrant(await configuration(), current, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const { iss, sub, email, email_verified: isVerified } = Claims.parse(tokens.claims());
      const address = isVerified === true ? email?.toLowerCase() : undefined;
      return { subject: `${iss} ${sub}`, email: address ?? null };
    },
  };
}
