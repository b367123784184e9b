import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { IdentityView } from "@valify/contracts/api";
import type { InjectOptions } from "fastify";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { createPasswords } from "./passwords.ts";
import { AUTH, codeOf, createTestApp, OTHER_AUTH, type TestApp } from "./test-support.ts";

// Goal: who signs in, how long that lasts, and what each role may do with people.
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const SAME = { "sec-fetch-site": "same-origin" };
const PASSWORD = "a long enough password";

let count = 0;
type Role = "admin" | "operator" | "viewer";

function call(
  method: NonNullable<InjectOptions["method"]>,
  url: string,
  headers: Record<string, string>,
  payload?: object,
) {
  const options = { method, url, headers };
  return t.app.inject(payload === undefined ? options : { ...options, payload });
}

async function newUser(role: Role = "viewer", headers = AUTH) {
  count += 1;
  const email = `person${count}@example.com`;
  const response = await call("POST", "/users", headers, { email, role, password: PASSWORD });
  assert.equal(response.statusCode, 201, response.body);
  return { email, userId: response.json<{ user_id: string }>().user_id };
}

const signIn = (email: string, password = PASSWORD, headers: Record<string, string> = SAME) =>
  call("POST", "/sessions", headers, { email, password });

async function sessionOf(email: string): Promise<Record<string, string>> {
  const response = await signIn(email);
  assert.equal(response.statusCode, 201, response.body);
  const [cookie] = response.cookies;
  return { cookie: `${cookie?.name}=${cookie?.value}`, ...SAME };
}

async function signedIn(role: Role) {
  const user = await newUser(role);
  return { ...user, session: await sessionOf(user.email) };
}

const statusOf = async (url: string, headers: Record<string, string>) =>
  (await call("GET", url, headers)).statusCode;

test("signing in shows who one is and gives a cookie that only the browser can read", async () => {
  const { email, userId } = await newUser("operator");
  const response = await signIn(email.toUpperCase());
  const identity = IdentityView.parse(response.json());
  assert.deepEqual(
    [identity.id, identity.role, identity.email, identity.tenant_id],
    [userId, "operator", email, DEFAULT_TENANT_ID],
  );
  const [cookie] = response.cookies;
  assert.equal(cookie?.name, "valify");
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Lax", "/"]);
  const [secure] = (await signIn(email, PASSWORD, { "x-forwarded-proto": "https" })).cookies;
  assert.deepEqual([secure?.name, secure?.secure], ["__Host-valify", true]);
  const { rows } = await t.owner.query("select s::text from ingest.sessions as s");
  for (const { s } of rows) assert.ok(!String(s).includes(cookie.value));
});

test("over https the cookie that plain http could have planted counts for nothing", async () => {
  const { session } = await signedIn("viewer");
  assert.equal(await statusOf("/me", session), 200);
  assert.equal(await statusOf("/me", { ...session, "x-forwarded-proto": "https" }), 401);
});

test("passwords are kept as argon2id", async () => {
  const { email } = await newUser();
  const { rows } = await t.owner.query("select password_hash from ingest.users where email = $1", [
    email,
  ]);
  assert.match(rows[0].password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test("a wrong password, an unknown address and a disabled user get the same answer", async () => {
  const { email } = await newUser();
  const disabled = await newUser();
  const patch = await call("PATCH", `/users/${disabled.userId}`, AUTH, { status: "disabled" });
  assert.equal(patch.statusCode, 200);
  const answers = await Promise.all([
    signIn(email, "another long password"),
    signIn("nobody@example.com"),
    signIn(disabled.email),
  ]);
  const [first, ...others] = answers;
  assert.equal(first.statusCode, 401);
  assert.equal(codeOf(first), "SIGN_IN_REFUSED");
  for (const answer of others) assert.equal(answer.body, first.body);
  for (const answer of answers) assert.deepEqual(answer.cookies, []);
});

for (const [who, email] of [
  ["somebody", "guessed@example.com"],
  ["nobody", "ghost@example.com"],
] as const) {
  test(`guesses at ${who}'s password end after ten, made at once or not`, async () => {
    if (who === "somebody") {
      const body = { email, role: "viewer", password: PASSWORD };
      assert.equal((await call("POST", "/users", AUTH, body)).statusCode, 201);
    }
    const answers = await Promise.all(Array.from({ length: 12 }, () => signIn(email, "guess")));
    assert.equal(answers.filter((answer) => answer.statusCode === 401).length, 10);
    const limited = await signIn(email);
    assert.equal(codeOf(limited), "SIGN_IN_LIMITED");
    const retryAfter = Number(limited.headers["retry-after"]);
    assert.ok(retryAfter > 800 && retryAfter <= 900, String(retryAfter));
    await t.owner.query(
      "update ingest.sign_in_attempts set started_at = now() - interval '1 hour'",
    );
    assert.equal((await signIn(email)).statusCode, who === "somebody" ? 201 : 401);
  });
}

test("too many people at once are asked to come back, and memory stays bounded", async () => {
  const passwords = createPasswords();
  // All in one turn, so that none is done before the last has asked.
  const crowd = Array.from({ length: 60 }, () => passwords.verify("a guess", null));
  // The bound has no room left, whatever the machine is doing.
  const late = await passwords.verify("a guess", null);
  const answers = await Promise.all(crowd);
  assert.equal(late, null);
  // Two at work and twenty waiting.
  assert.ok(answers.slice(22).every((answer) => answer === null));
  assert.deepEqual(answers.slice(0, 2), [false, false], "who came first is served");
});

test("whoever is asked to come back hears it as 503, to sign in and to choose a password", async () => {
  const busy = { hash: async () => null, verify: async () => null };
  await using crowded = await createTestApp({ passwords: busy });
  const ask = (url: string, headers: Record<string, string>, payload: object) =>
    crowded.app.inject({ method: "POST", url, headers, payload });
  const email = "crowd@example.com";
  const answers = [
    await ask("/sessions", SAME, { email, password: PASSWORD }),
    await ask("/users", AUTH, { email, role: "viewer", password: PASSWORD }),
  ];
  for (const answer of answers) {
    assert.deepEqual([answer.statusCode, codeOf(answer)], [503, "SIGN_IN_BUSY"]);
    assert.equal(answer.headers["retry-after"], "2");
  }
});

test("another site cannot sign a visitor in, nor act with their session", async () => {
  const { email, session } = await signedIn("admin");
  const foreign = { "sec-fetch-site": "cross-site" };
  assert.equal(codeOf(await signIn(email, PASSWORD, foreign)), "CSRF_REFUSED");
  const body = { email: "csrf@example.com", role: "admin", password: PASSWORD };
  const forged = await call("POST", "/users", { ...session, ...foreign }, body);
  assert.equal(codeOf(forged), "CSRF_REFUSED");
});

const age = (column: string, interval: string) =>
  t.owner.query(`update ingest.sessions set ${column} = ${column} - interval '${interval}'`);

test("a session ends after half an hour of nothing, and after twelve hours whatever happens", async () => {
  const { email, session } = await signedIn("viewer");
  await age("last_seen_at", "29 minutes");
  assert.equal(await statusOf("/me", session), 200);
  await age("last_seen_at", "29 minutes");
  assert.equal(await statusOf("/me", session), 200, "being seen counts from anew");
  await age("last_seen_at", "31 minutes");
  assert.equal(await statusOf("/me", session), 401);
  const other = await sessionOf(email);
  await age("expires_at", "12 hours");
  assert.equal(await statusOf("/me", other), 401);
});

test("signing in again replaces the session that the browser came with", async () => {
  const { email, session } = await signedIn("viewer");
  assert.equal((await signIn(email, PASSWORD, session)).statusCode, 201);
  assert.equal(await statusOf("/me", session), 401);
});

test("one sees and ends one's own sessions; an admin everybody's", async () => {
  const viewer = await signedIn("viewer");
  const admin = await signedIn("admin");
  const list = async (session: Record<string, string>) =>
    (await call("GET", "/sessions?limit=200", session)).json<{
      sessions: { session_id: string; user_id: string | null; is_current: boolean }[];
    }>().sessions;
  const own = await list(viewer.session);
  assert.deepEqual(
    own.map(({ user_id, is_current }) => [user_id, is_current]),
    [[viewer.userId, true]],
  );
  const all = await list(admin.session);
  assert.ok(all.some(({ user_id }) => user_id === viewer.userId));
  const ofAdmin = all.find(({ is_current }) => is_current)?.session_id;
  const refused = await call("DELETE", `/sessions/${ofAdmin}`, viewer.session);
  assert.equal(codeOf(refused), "SESSION_NOT_FOUND");
  const ended = await call("DELETE", `/sessions/${own[0]?.session_id}`, admin.session);
  assert.equal(ended.statusCode, 204);
  assert.equal(await statusOf("/me", viewer.session), 401);
  const out = await call("DELETE", "/sessions/current", admin.session);
  assert.equal(out.statusCode, 204);
  assert.equal(await statusOf("/me", admin.session), 401);
});

test("a viewer looks, an operator works on batches, an admin decides", async () => {
  const asked = [
    ["GET", "/batches"],
    ["GET", "/usage"],
    ["GET", "/users"],
    ["GET", "/audit_log"],
    ["POST", "/batches/batch_x/cancel"],
    ["POST", "/users"],
  ] as const;
  const answers = async (role: Role) => {
    const { session } = await signedIn(role);
    const found = asked.map(async ([method, url]) => {
      const { statusCode } = await call(method, url, session, method === "POST" ? {} : undefined);
      return statusCode === 403 ? "no" : "yes";
    });
    return (await Promise.all(found)).join(" ");
  };
  assert.equal(await answers("viewer"), "yes yes no no no no");
  assert.equal(await answers("operator"), "yes yes no no yes no");
  assert.equal(await answers("admin"), "yes yes yes yes yes yes");
});

test("a changed role counts at the next request; disabling ends the session", async () => {
  const { userId, session } = await signedIn("admin");
  const patch = (change: object) => call("PATCH", `/users/${userId}`, AUTH, change);
  assert.equal(await statusOf("/users", session), 200);
  assert.equal((await newUser("admin")).email.length > 0, true);
  assert.equal((await patch({ role: "viewer" })).statusCode, 200);
  assert.equal(await statusOf("/users", session), 403);
  assert.equal((await patch({ status: "disabled" })).json<{ status: string }>().status, "disabled");
  assert.equal(await statusOf("/me", session), 401);
  assert.equal((await patch({ status: "active" })).json<{ status: string }>().status, "active");
  assert.equal(await statusOf("/me", session), 401);
});

test("people change their own password, which ends their other sessions", async () => {
  const { email, session } = await signedIn("viewer");
  const elsewhere = await sessionOf(email);
  const change = (current_password: string, new_password: string, headers = session) =>
    call("PUT", "/me/password", headers, { current_password, new_password });
  assert.equal(codeOf(await change("not the password", "another long password")), "PASSWORD_WRONG");
  assert.equal((await change(PASSWORD, "short")).statusCode, 400);
  assert.equal((await change(PASSWORD, "another long password")).statusCode, 204);
  assert.equal(await statusOf("/me", session), 200);
  assert.equal(await statusOf("/me", elsewhere), 401);
  assert.equal((await signIn(email)).statusCode, 401);
  assert.equal((await signIn(email, "another long password")).statusCode, 201);
  assert.equal(codeOf(await change(PASSWORD, PASSWORD, AUTH)), "USER_REQUIRED");
});

test("of two admins who remove each other at once one stays", async () => {
  const admins = await Promise.all([newUser("admin", OTHER_AUTH), newUser("admin", OTHER_AUTH)]);
  const [one, two] = admins;
  const answers = await Promise.all([
    call("DELETE", `/users/${one.userId}`, OTHER_AUTH),
    call("PATCH", `/users/${two.userId}`, OTHER_AUTH, { role: "viewer" }),
  ]);
  const refused = answers.filter((answer) => answer.statusCode === 409);
  assert.equal(refused.length, 1);
  assert.ok(refused.every((answer) => codeOf(answer) === "LAST_ADMIN"));
  const left = await call("GET", "/users", OTHER_AUTH);
  const { users } = left.json<{ users: { user_id: string; role: string }[] }>();
  const admin = users.find(({ role }) => role === "admin");
  const disable = await call("PATCH", `/users/${admin?.user_id}`, OTHER_AUTH, {
    status: "disabled",
  });
  assert.equal(codeOf(disable), "LAST_ADMIN");
});

test("an address belongs to one person, of whatever tenant", async () => {
  const { email } = await newUser();
  const again = { email: email.toUpperCase(), role: "viewer" };
  for (const headers of [AUTH, OTHER_AUTH]) {
    assert.equal(codeOf(await call("POST", "/users", headers, again)), "EMAIL_TAKEN");
  }
});

test("users page through in one order, and one that is removed is gone", async () => {
  const { userId } = await newUser();
  const ids: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const response = await call("GET", `/users?limit=3${cursor && `&cursor=${cursor}`}`, AUTH);
    const page = response.json<{ users: { user_id: string }[]; next_cursor: string | null }>();
    ids.push(...page.users.map(({ user_id }) => user_id));
    cursor = page.next_cursor;
  }
  assert.deepEqual(ids, [...new Set(ids)].toSorted());
  assert.ok(ids.includes(userId));
  assert.equal((await call("DELETE", `/users/${userId}`, AUTH)).statusCode, 204);
  assert.equal(codeOf(await call("GET", `/users/${userId}`, AUTH)), "USER_NOT_FOUND");
  assert.equal(codeOf(await call("GET", "/users/nobody", AUTH)), "USER_NOT_FOUND");
});

test("the admin page takes an address and a password too", async () => {
  const { email } = await newUser();
  const post = (password: string) =>
    t.app.inject({
      method: "POST",
      url: "/batch_admin/sign_in",
      payload: new URLSearchParams({ email, password }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", ...SAME },
    });
  const wrong = await post("wrong");
  assert.equal(wrong.statusCode, 401);
  assert.match(wrong.body, /do not belong together/);
  const right = await post(PASSWORD);
  assert.deepEqual([right.statusCode, right.headers.location], [303, "/batch_admin"]);
  const [cookie] = right.cookies;
  const session = { cookie: `${cookie?.name}=${cookie?.value}` };
  assert.equal(await statusOf("/batch_admin", session), 200);
});
