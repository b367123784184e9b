import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PASSWORD, peopleOf, type Role } from "./people-fixture.ts";
import { AUTH, callerOf, codeOf, createTestApp, OTHER_AUTH, type TestApp } from "./test-support.ts";

// Goal: who a tenant's people are, and what each role may do.
let t: TestApp;
let people: ReturnType<typeof peopleOf>;
let call: ReturnType<typeof callerOf>;
before(async () => {
  t = await createTestApp();
  people = peopleOf(t);
  call = callerOf(t);
});
after(() => t[Symbol.asyncDispose]());

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
    const { session } = await people.signedIn(role);
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
  const { userId, session } = await people.signedIn("admin");
  const patch = (change: object) => call("PATCH", `/users/${userId}`, AUTH, change);
  assert.equal(await people.statusOf("/users", session), 200);
  assert.equal((await people.newUser("admin")).email.length > 0, true);
  assert.equal((await patch({ role: "viewer" })).statusCode, 200);
  assert.equal(await people.statusOf("/users", session), 403);
  assert.equal((await patch({ status: "disabled" })).json<{ status: string }>().status, "disabled");
  assert.equal(await people.statusOf("/me", session), 401);
  assert.equal((await patch({ status: "active" })).json<{ status: string }>().status, "active");
  assert.equal(await people.statusOf("/me", session), 401);
});

test("people change their own password, which ends their other sessions", async () => {
  const { email, session } = await people.signedIn("viewer");
  const elsewhere = await people.sessionOf(email);
  const change = (current_password: string, new_password: string, headers = session) =>
    call("PUT", "/me/password", headers, { current_password, new_password });
  assert.equal(codeOf(await change("not the password", "another long password")), "PASSWORD_WRONG");
  assert.equal((await change(PASSWORD, "short")).statusCode, 400);
  assert.equal((await change(PASSWORD, "another long password")).statusCode, 204);
  assert.equal(await people.statusOf("/me", session), 200);
  assert.equal(await people.statusOf("/me", elsewhere), 401);
  assert.equal((await people.signIn(email)).statusCode, 401);
  assert.equal((await people.signIn(email, "another long password")).statusCode, 201);
  assert.equal(codeOf(await change(PASSWORD, PASSWORD, AUTH)), "USER_REQUIRED");
});

test("of two admins who remove each other at once one stays", async () => {
  const admins = await Promise.all([
    people.newUser("admin", OTHER_AUTH),
    people.newUser("admin", OTHER_AUTH),
  ]);
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
  const { email } = await people.newUser();
  const again = { email: email.toUpperCase(), role: "viewer" };
  for (const headers of [AUTH, OTHER_AUTH]) {
    assert.equal(codeOf(await call("POST", "/users", headers, again)), "EMAIL_TAKEN");
  }
});

test("users page through in one order, and one that is removed is gone", async () => {
  const { userId } = await people.newUser();
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
