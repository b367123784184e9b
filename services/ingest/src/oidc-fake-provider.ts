import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What a test may make of the next sign-in. */
export interface FakeIdentity {
  sub: string;
  email: string;
  email_verified: boolean;
  /** Overrides of the id token's own claims, as a hostile provider would set them. */
  claims: Readonly<Record<string, unknown>>;
  /** Signs with a key that the provider never published. */
  hasForeignKey: boolean;
}

export interface FakeProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly identity: FakeIdentity;
  stop(): Promise<void>;
}

interface Grant {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

const CLIENT_ID = "valify";
const CLIENT_SECRET = "secret of the client";

/** An OpenID provider on loopback that lets everybody in, and checks what a provider checks. */
export async function startFakeProvider(): Promise<FakeProvider> {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const grants = new Map<string, Grant>();
  const identity: FakeIdentity = {
    sub: "subject-1",
    email: "Person@Example.com",
    email_verified: true,
    claims: {},
    hasForeignKey: false,
  };
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => send(response, 500, {}));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", issuer);
    if (url.pathname === "/.well-known/openid-configuration") {
      send(response, 200, metadataOf(issuer));
    } else if (url.pathname === "/jwks") {
      const jwk = keys.publicKey.export({ format: "jwk" });
      send(response, 200, { keys: [{ ...jwk, kid: "1", alg: "RS256", use: "sig" }] });
    } else if (url.pathname === "/authorize") authorize(grants, url.searchParams, response);
    else if (url.pathname === "/token") {
      token(request, new URLSearchParams(await text(request)), response);
    } else send(response, 404, {});
  }

  function token(request: IncomingMessage, form: URLSearchParams, response: ServerResponse): void {
    const grant = grants.get(form.get("code") ?? "");
    grants.delete(form.get("code") ?? ""); // a code is good once
    const verifier = form.get("code_verifier") ?? "";
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const isRight =
      grant?.challenge === challenge &&
      grant.redirectUri === form.get("redirect_uri") &&
      isClient(request, form);
    if (!isRight) return send(response, 400, { error: "invalid_grant" });
    const key = identity.hasForeignKey ? foreign.privateKey : keys.privateKey;
    const id_token = idTokenOf(identity, { iss: issuer, nonce: grant.nonce }, key);
    return send(response, 200, { access_token: "x", token_type: "bearer", id_token });
  }

  async function stop(): Promise<void> {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }

  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    identity,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Lets everybody in at once, and sends them back with a code. */
function authorize(
  grants: Map<string, Grant>,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const code = randomUUID();
  const redirectUri = query.get("redirect_uri") ?? "";
  grants.set(code, {
    challenge: query.get("code_challenge") ?? "",
    nonce: query.get("nonce") ?? "",
    redirectUri,
  });
  const back = new URL(redirectUri);
  back.searchParams.set("code", code);
  back.searchParams.set("state", query.get("state") ?? "");
  response.writeHead(302, { location: back.href }).end();
}

function idTokenOf(identity: FakeIdentity, own: object, key: KeyObject): string {
  const { claims, hasForeignKey: _, ...person } = identity;
  const now = Math.floor(Date.now() / 1000);
  const payload = { aud: CLIENT_ID, iat: now, exp: now + 60, ...own, ...person, ...claims };
  const signed = `${part({ alg: "RS256", kid: "1" })}.${part(payload)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
}

function metadataOf(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["S256"],
  };
}

function isClient({ headers }: IncomingMessage, form: URLSearchParams): boolean {
  const basic = Buffer.from(headers.authorization?.replace(/^Basic /, "") ?? "", "base64");
  const [id, secret] = basic.toString().split(":").map(decodeURIComponent);
  const given = form.has("client_secret")
    ? [form.get("client_id"), form.get("client_secret")]
    : [id, secret?.replaceAll("+", " ")];
  return given[0] === CLIENT_ID && given[1] === CLIENT_SECRET;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
