import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { EndpointCreated } from "@valify/contracts/api";
import { confirmSecretKey } from "@valify/database";
import { createSecretBox } from "@valify/runtime";

import { AUTH, callerOf, createTestApp, SECRET_KEY, type TestApp } from "./test-support.ts";

// Goal: who has lost SECRET_KEY gets going by the page about it, word for word.
// Method: an endpoint as it was sealed under the key that is lost; then the page's statements.
const page = readFileSync(new URL("../../../docs/secret-key.md", import.meta.url), "utf8");
const statements = /```sql\n([^`]+)```/.exec(page)?.[1] ?? "";
const rotation: object = JSON.parse(/rotate_secret` with\s+`([^`]+)`/.exec(page)?.[1] ?? "");

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

test("after the page's statements the services start and the endpoint can be used again", async () => {
  const lost = createSecretBox("the key that is lost, in 32 bytes");
  assert.equal(await confirmSecretKey(t.db, "ingest", "the key that is lost, in 32 bytes"), true);
  const call = callerOf(t);
  const payload = { url: "https://hooks.example.com/" };
  const created = await call("POST", "/endpoints", AUTH, payload);
  const { endpoint_id: id } = EndpointCreated.parse(created.json());
  await t.owner.query(
    `update ingest.endpoints set secret_encrypted = $1::bytea, headers_encrypted = $2,
       old_secrets_encrypted = array[$1::bytea], old_secrets_until = array[now() + interval '1 hour'],
       client_certificate = 'x', client_key_encrypted = $1::bytea`,
    [lost.seal("whsec_lost"), lost.seal('{"authorization":"lost"}')],
  );
  assert.equal(await confirmSecretKey(t.db, "ingest", SECRET_KEY), false);
  assert.equal((await call("GET", "/endpoints", AUTH)).statusCode, 500);

  await t.owner.query(statements);
  assert.equal(await confirmSecretKey(t.db, "ingest", SECRET_KEY), true);
  const held = await call("GET", `/endpoints/${id}`, AUTH);
  assert.equal(held.json<{ status: string }>().status, "paused", held.body);
  const rotated = await call("POST", `/endpoints/${id}/rotate_secret`, AUTH, rotation);
  const { rows } = await t.owner.query(
    "select secret_encrypted, old_secrets_encrypted from ingest.endpoints",
  );
  const { secret } = EndpointCreated.parse(rotated.json());
  assert.equal(createSecretBox(SECRET_KEY).open(rows[0].secret_encrypted), secret);
  assert.deepEqual(rows[0].old_secrets_encrypted, []);
  const active = await call("PATCH", `/endpoints/${id}`, AUTH, { status: "active" });
  assert.equal(active.statusCode, 200, active.body);
});
