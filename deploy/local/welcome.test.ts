import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "./checkout.ts";
import { credentialsOf, welcome } from "./welcome.ts";

const secrets = {
  SECRET_KEY: "sealing",
  BOOTSTRAP_API_KEY: "vb_live_first",
  ADMIN_EMAIL: "admin@valify.example",
  ADMIN_PASSWORD: "the first password",
};
const kept = {
  secrets,
  file: join(ROOT, ".valify/secrets.json"),
  isFirstRun: true,
  isNewAdmin: true,
};
const textOf = (env: Record<string, string>, isFirst: boolean) =>
  welcome("http://127.0.0.1:8080", env, { ...kept, isFirstRun: isFirst, isNewAdmin: isFirst }).join(
    "\n",
  );

test("the first start shows the credentials, later ones where they are", () => {
  const first = textOf({}, true);
  assert.match(first, /http:\/\/127\.0\.0\.1:8080\/batch_admin/);
  assert.match(first, /Sign in: admin@valify\.example, password the first password/);
  assert.match(first, /API key: vb_live_first/);
  const later = textOf({}, false);
  assert.ok(!later.includes("vb_live_first") && !later.includes("the first password"), later);
  assert.match(later, /ADMIN_PASSWORD in \.\/\.valify\/secrets\.json/);
});

test("the caller's own settings go before ours, and are not shown", () => {
  const env = { ADMIN_EMAIL: "me@example.com", ADMIN_PASSWORD: "mine", BOOTSTRAP_API_KEY: "own" };
  const text = textOf(env, true);
  for (const secret of ["mine", "own\n", "vb_live_first", "the first password"]) {
    assert.ok(!text.includes(secret), secret);
  }
  assert.deepEqual(credentialsOf(env, kept), { SECRET_KEY: "sealing", BOOTSTRAP_API_KEY: "own" });
  assert.deepEqual(credentialsOf({ ADMIN_EMAIL: "" }, kept), secrets);
  assert.equal(credentialsOf({ SECRET_KEY: "of mine" }, kept)["SECRET_KEY"], "of mine");
});
