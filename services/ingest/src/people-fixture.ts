import assert from "node:assert/strict";

import { callerOf, AUTH, type TestApp } from "./test-support.ts";

/** As a browser says it of a page's own requests. */
export const SAME_SITE = { "sec-fetch-site": "same-origin" };
export const PASSWORD = "a long enough password";

export type Role = "admin" | "operator" | "viewer";

/** People of a test's own, each under another address, and how they sign in. */
export function peopleOf(t: Pick<TestApp, "app">) {
  const call = callerOf(t);
  let count = 0;

  async function newUser(role: Role = "viewer", headers = AUTH) {
    count += 1;
    const email = `person${count}@example.com`;
    const response = await call("POST", "/users", headers, { email, role, password: PASSWORD });
    assert.equal(response.statusCode, 201, response.body);
    return { email, userId: response.json<{ user_id: string }>().user_id };
  }

  const signIn = (
    email: string,
    password = PASSWORD,
    headers: Record<string, string> = SAME_SITE,
  ) => call("POST", "/sessions", headers, { email, password });

  async function sessionOf(email: string): Promise<Record<string, string>> {
    const response = await signIn(email);
    assert.equal(response.statusCode, 201, response.body);
    const [cookie] = response.cookies;
    return { cookie: `${cookie?.name}=${cookie?.value}`, ...SAME_SITE };
  }

  return {
    newUser,
    signIn,
    sessionOf,
    async signedIn(role: Role) {
      const user = await newUser(role);
      return { ...user, session: await sessionOf(user.email) };
    },
    statusOf: async (url: string, headers: Record<string, string>) =>
      (await call("GET", url, headers)).statusCode,
  };
}
