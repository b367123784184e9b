import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { type FakeProvider, startFakeProvider } from "./oidc-fake-provider.ts";
import { createOidcProvider } from "./oidc-provider.ts";
import { AUTH, createTestApp, type TestApp } from "./test-support.ts";

// Goal: whoever the provider vouches for comes in, if somebody added them before, and nobody else.
// Method: a small provider on loopback that checks what a provider checks, and lies when told to.

let provider: FakeProvider;
let t: TestApp;
before(async () => {
  provider = await startFakeProvider();
  const { issuer, clientId, clientSecret } = provider;
  const redirectUrl = "http://127.0.0.1:1/batch_admin/oidc/callback";
  const oidc = createOidcProvider({ issuer, clientId, clientSecret, redirectUrl });
  t = await createTestApp({ oidc });
});
after(async () => {
  await t[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

let count = 0;
beforeEach(() => {
  count += 1;
  Object.assign(provider.identity, {
    sub: `subject-${count}`,
    email: `Person${count}@Example.com`,
    email_verified: true,
    claims: {},
    hasForeignKey: false,
  });
});

async function addPerson(): Promise<string> {
  const payload = { email: provider.identity.email, role: "operator" };
  const response = await t.app.inject({ method: "POST", url: "/users", headers: AUTH, payload });
  assert.equal(response.statusCode, 201, response.body);
  return response.json<{ user_id: string }>().user_id;
}

/** As far as the provider's answer: where the browser is sent, and with which cookie. */
async function begin() {
  const response = await t.app.inject({ url: "/batch_admin/oidc/sign_in" });
  assert.equal(response.statusCode, 302, response.body);
  const [cookie] = response.cookies;
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, "Lax"]);
  const answer = await fetch(String(response.headers.location), { redirect: "manual" });
  const { pathname, search } = new URL(answer.headers.get("location") ?? "");
  return { url: pathname + search, cookie: `${cookie?.name}=${cookie?.value}` };
}

const finish = ({ url, cookie }: { readonly url: string; readonly cookie: string }) =>
  t.app.inject({ url, headers: { cookie } });

async function signIn() {
  return finish(await begin());
}

async function whoIs(response: Awaited<ReturnType<typeof signIn>>): Promise<string | undefined> {
  const cookie = response.cookies.find(({ name }) => name === "valify");
  if (cookie === undefined) return undefined;
  const headers = { cookie: `valify=${cookie.value}` };
  return (await t.app.inject({ url: "/me", headers })).json<{ id: string }>().id;
}

test("a person who was added signs in through the provider, by address and then by subject", async () => {
  const userId = await addPerson();
  const first = await signIn();
  assert.deepEqual([first.statusCode, first.headers.location], [303, "/batch_admin"]);
  assert.equal(await whoIs(first), userId);
  provider.identity.email = "renamed@example.com";
  assert.equal(await whoIs(await signIn()), userId);
  // The one GET that changes something: audited-routes.db.test.ts has no provider to call it with.
  const { rows } = await t.owner.query(
    "select action, details from ingest.audit_log where actor_id = $1 order by sequence",
    [userId],
  );
  const started = { action: "session.started", details: { how: "oidc" } };
  assert.deepEqual(rows, [started, started]);
});

test("the page to sign in offers the way through the provider", async () => {
  const { body } = await t.app.inject({ url: "/batch_admin" });
  assert.match(body, /href="\/batch_admin\/oidc\/sign_in"/);
  await using plain = await createTestApp();
  const without = await plain.app.inject({ url: "/batch_admin" });
  assert.ok(!without.body.includes("oidc"));
  assert.equal((await plain.app.inject({ url: "/batch_admin/oidc/sign_in" })).statusCode, 404);
});

test("somebody whom nobody added stays outside", async () => {
  const response = await signIn();
  assert.equal(response.statusCode, 403);
  assert.match(response.body, /OIDC_USER_UNKNOWN/);
  assert.equal(await whoIs(response), undefined);
});

test("an address that the provider does not vouch for opens nothing", async () => {
  await addPerson();
  provider.identity.email_verified = false;
  assert.equal((await signIn()).statusCode, 403);
});

test("a second subject cannot take over the address of the first", async () => {
  await addPerson();
  assert.equal((await signIn()).statusCode, 303);
  provider.identity.sub = "somebody else";
  assert.equal((await signIn()).statusCode, 403);
});

test("a disabled person stays outside", async () => {
  const userId = await addPerson();
  const payload = { status: "disabled" };
  await t.app.inject({ method: "PATCH", url: `/users/${userId}`, headers: AUTH, payload });
  assert.equal((await signIn()).statusCode, 403);
});

const LIES: readonly (readonly [string, Partial<FakeProvider["identity"]>])[] = [
  ["of another nonce", { claims: { nonce: "another" } }],
  ["for another client", { claims: { aud: "another" } }],
  ["of another issuer", { claims: { iss: "https://evil.example" } }],
  ["that has expired", { claims: { exp: 1 } }],
  ["signed with a key that was never published", { hasForeignKey: true }],
];
for (const [what, lie] of LIES) {
  test(`an id token ${what} is refused`, async () => {
    await addPerson();
    Object.assign(provider.identity, lie);
    const response = await signIn();
    assert.equal(response.statusCode, 401);
    assert.match(response.body, /OIDC_REFUSED/);
    assert.equal(await whoIs(response), undefined);
  });
}

test("a code is worth nothing without the browser that began, and only once", async () => {
  await addPerson();
  const mine = await begin();
  const theirs = await begin();
  assert.equal((await finish({ url: theirs.url, cookie: mine.cookie })).statusCode, 401, "state");
  assert.equal((await finish({ url: mine.url, cookie: "valify_oidc=x" })).statusCode, 401);
  assert.equal((await t.app.inject({ url: mine.url })).statusCode, 401);
  assert.equal((await finish(mine)).statusCode, 303);
  assert.equal((await finish(mine)).statusCode, 401, "the provider takes a code once");
});

test("a code that was swapped for another's fails at the verifier", async () => {
  await addPerson();
  const [mine, theirs] = [await begin(), await begin()];
  const code = new URLSearchParams(theirs.url.split("?")[1]).get("code") ?? "";
  const url = mine.url.replace(/code=[^&]+/, `code=${code}`);
  assert.equal((await finish({ url, cookie: mine.cookie })).statusCode, 401);
});

test("a person who refuses at the provider comes back to a page that says so", async () => {
  const { cookie, url } = await begin();
  const state = new URLSearchParams(url.split("?")[1]).get("state") ?? "";
  const denied = `/batch_admin/oidc/callback?error=access_denied&state=${state}`;
  const response = await finish({ url: denied, cookie });
  assert.equal(response.statusCode, 401);
  assert.match(response.body, /OIDC_REFUSED/);
});

test("a provider that is away is a 503 with a page, and is asked again later", async () => {
  const away = await startFakeProvider();
  const { issuer, clientId, clientSecret } = away;
  await away.stop();
  const redirectUrl = "http://127.0.0.1:1/batch_admin/oidc/callback";
  const oidc = createOidcProvider({ issuer, clientId, clientSecret, redirectUrl });
  await using own = await createTestApp({ oidc });
  const response = await own.app.inject({ url: "/batch_admin/oidc/sign_in" });
  assert.equal(response.statusCode, 503);
  assert.match(response.body, /OIDC_UNAVAILABLE/);
});
