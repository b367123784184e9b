import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { IdentityView } from "@valify/contracts/api";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { createPasswords } from "./passwords.ts";
import { PASSWORD, peopleOf, SAME_SITE } from "./people-fixture.ts";
import { AUTH, callerOf, codeOf, createTestApp, type TestApp } from "./test-support.ts";

// Goal: who comes in, and how long that lasts.
let t: TestApp;
let people: ReturnType<typeof peopleOf>;
let call: ReturnType<typeof callerOf>;
before(async () => {
  t = await createTestApp();
  people = peopleOf(t);
  call = callerOf(t);
});
after(() => t[Symbol.asyncDispose]());

test("signing in shows who one is and gives a cookie that only the browser can read", async () => {
  const { email, userId } = await people.newUser("operator");
  const response = await people.signIn(email.toUpperCase());
  const identity = IdentityView.parse(response.json());
  assert.deepEqual(
    [identity.id, identity.role, identity.email, identity.tenant_id],
    [userId, "operator", email, DEFAULT_TENANT_ID],
  );
  const [cookie] = response.cookies;
  assert.equal(cookie?.name, "valify");
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Lax", "/"]);
  const [secure] = (await people.signIn(email, PASSWORD, { "x-forwarded-proto": "https" })).cookies;
  assert.deepEqual([secure?.name, secure?.secure], ["__Host-valify", true]);
  const { rows } = await t.owner.query("select s::text from ingest.sessions as s");
  for (const { s } of rows) assert.ok(!String(s).includes(cookie.value));
});

test("over https the cookie that plain http could have planted counts for nothing", async () => {
  const { session } = await people.signedIn("viewer");
  assert.equal(await people.statusOf("/me", session), 200);
  assert.equal(await people.statusOf("/me", { ...session, "x-forwarded-proto": "https" }), 401);
});

test("passwords are kept as argon2id", async () => {
  const { email } = await people.newUser();
  const { rows } = await t.owner.query("select password_hash from ingest.users where email = $1", [
    email,
  ]);
  assert.match(rows[0].password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test("a wrong password, an unknown address and a disabled user get the same answer", async () => {
  const { email } = await people.newUser();
  const disabled = await people.newUser();
  const patch = await call("PATCH", `/users/${disabled.userId}`, AUTH, { status: "disabled" });
  assert.equal(patch.statusCode, 200);
  const answers = await Promise.all([
    people.signIn(email, "another long password"),
    people.signIn("nobody@example.com"),
    people.signIn(disabled.email),
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
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => people.signIn(email, "guess")),
    );
    assert.equal(answers.filter((answer) => answer.statusCode === 401).length, 10);
    const limited = await people.signIn(email);
    assert.equal(codeOf(limited), "SIGN_IN_LIMITED");
    const retryAfter = Number(limited.headers["retry-after"]);
    assert.ok(retryAfter > 800 && retryAfter <= 900, String(retryAfter));
    await t.owner.query(
      "update ingest.sign_in_attempts set started_at = now() - interval '1 hour'",
    );
    assert.equal((await people.signIn(email)).statusCode, who === "somebody" ? 201 : 401);
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
    await ask("/sessions", SAME_SITE, { email, password: PASSWORD }),
    await ask("/users", AUTH, { email, role: "viewer", password: PASSWORD }),
  ];
  for (const answer of answers) {
    assert.deepEqual([answer.statusCode, codeOf(answer)], [503, "SIGN_IN_BUSY"]);
    assert.equal(answer.headers["retry-after"], "2");
  }
});

test("another site cannot sign a visitor in, nor act with their session", async () => {
  const { email, session } = await people.signedIn("admin");
  const foreign = { "sec-fetch-site": "cross-site" };
  assert.equal(codeOf(await people.signIn(email, PASSWORD, foreign)), "CSRF_REFUSED");
  const body = { email: "csrf@example.com", role: "admin", password: PASSWORD };
  const forged = await call("POST", "/users", { ...session, ...foreign }, body);
  assert.equal(codeOf(forged), "CSRF_REFUSED");
});

const age = (column: string, interval: string) =>
  t.owner.query(`update ingest.sessions set ${column} = ${column} - interval '${interval}'`);

test("a session ends after half an hour of nothing, and after twelve hours whatever happens", async () => {
  const { email, session } = await people.signedIn("viewer");
  await age("last_seen_at", "29 minutes");
  assert.equal(await people.statusOf("/me", session), 200);
  await age("last_seen_at", "29 minutes");
  assert.equal(await people.statusOf("/me", session), 200, "being seen counts from anew");
  await age("last_seen_at", "31 minutes");
  assert.equal(await people.statusOf("/me", session), 401);
  const other = await people.sessionOf(email);
  await age("expires_at", "12 hours");
  assert.equal(await people.statusOf("/me", other), 401);
});

test("signing in again replaces the session that the browser came with", async () => {
  const { email, session } = await people.signedIn("viewer");
  assert.equal((await people.signIn(email, PASSWORD, session)).statusCode, 201);
  assert.equal(await people.statusOf("/me", session), 401);
});

test("one sees and ends one's own sessions; an admin everybody's", async () => {
  const viewer = await people.signedIn("viewer");
  const admin = await people.signedIn("admin");
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
  assert.equal(await people.statusOf("/me", viewer.session), 401);
  const out = await call("DELETE", "/sessions/current", admin.session);
  assert.equal(out.statusCode, 204);
  assert.equal(await people.statusOf("/me", admin.session), 401);
});

test("the admin page takes an address and a password too", async () => {
  const { email } = await people.newUser();
  const post = (password: string) =>
    t.app.inject({
      method: "POST",
      url: "/batch_admin/sign_in",
      payload: new URLSearchParams({ email, password }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", ...SAME_SITE },
    });
  const wrong = await post("wrong");
  assert.equal(wrong.statusCode, 401);
  assert.match(wrong.body, /do not belong together/);
  const right = await post(PASSWORD);
  assert.deepEqual([right.statusCode, right.headers.location], [303, "/batch_admin"]);
  const [cookie] = right.cookies;
  const session = { cookie: `${cookie?.name}=${cookie?.value}` };
  assert.equal(await people.statusOf("/batch_admin", session), 200);
});
