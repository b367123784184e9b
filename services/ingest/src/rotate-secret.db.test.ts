import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { EndpointCreated } from "@valify/contracts/api";
import { createSecretBox } from "@valify/runtime";

import { AUTH, codeOf, createTestApp, SECRET_KEY, type TestApp } from "./test-support.ts";

const box = createSecretBox(SECRET_KEY);
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

async function create() {
  const payload = { url: "https://hooks.example.com/leads" };
  const response = await t.app.inject({
    method: "POST",
    url: "/endpoints",
    headers: AUTH,
    payload,
  });
  return EndpointCreated.parse(response.json());
}
async function stored(endpointId: string) {
  const { rows } = await t.owner.query("select * from ingest.endpoints where endpoint_id = $1", [
    endpointId,
  ]);
  await t.owner.query("delete from ingest.endpoints where endpoint_id <> $1", [endpointId]);
  return rows[0];
}

const ask = (endpointId: string, payload?: object) =>
  t.app.inject({
    method: "POST",
    url: `/endpoints/${endpointId}/rotate_secret`,
    headers: AUTH,
    ...(payload && { payload }),
  });

async function rotate(endpointId: string, body?: object) {
  const response = await ask(endpointId, body);
  assert.equal(response.statusCode, 200, response.body);
  return EndpointCreated.parse(response.json());
}

async function oldSecrets(endpointId: string): Promise<string[]> {
  const { old_secrets_encrypted: sealed } = await stored(endpointId);
  return sealed.map((secret: Buffer) => box.open(secret));
}

test("a rotation keeps the secrets before for a day, newest first, and shows the new one", async () => {
  const first = await create();
  const second = await rotate(first.endpoint_id);
  assert.notEqual(second.secret, first.secret);
  const [until = ""] = second.old_secrets_until;
  const hours = (Date.parse(until) - Date.now()) / 3_600_000;
  assert.ok(hours > 23.9 && hours <= 24, `${hours} h`);
  const third = await rotate(first.endpoint_id, { grace: "P7D" });
  const row = await stored(first.endpoint_id);
  assert.equal(box.open(row.secret_encrypted), third.secret);
  assert.deepEqual(await oldSecrets(first.endpoint_id), [second.secret, first.secret]);
  const ends = third.old_secrets_until.map((end) =>
    Math.round((Date.parse(end) - Date.now()) / 8.64e7),
  );
  assert.deepEqual(ends, [7, 1], "a later rotation does not make an older secret last longer");
});

test("a rotation without grace revokes every secret before at once", async () => {
  const { endpoint_id } = await create();
  await rotate(endpoint_id, { grace: "P1D" });
  const last = await rotate(endpoint_id, { grace: "PT0S" });
  assert.deepEqual(last.old_secrets_until, []);
  assert.deepEqual(await oldSecrets(endpoint_id), []);
});

test("a rotation can go over to ed25519 and back, and keeps ten secrets at most", async () => {
  const { endpoint_id, secret } = await create();
  const asymmetric = await rotate(endpoint_id, { signature: "v1a" });
  assert.deepEqual([asymmetric.secret, asymmetric.signature], [null, "v1a"]);
  assert.deepEqual(await oldSecrets(endpoint_id), [secret]);
  assert.equal((await rotate(endpoint_id)).signature, "v1a");
  assert.equal((await rotate(endpoint_id, { signature: "v1" })).public_key, null);
  for (let count = 0; count < 9; count += 1) await rotate(endpoint_id);
  assert.equal((await oldSecrets(endpoint_id)).length, 10);
});

for (const grace of ["P8D", "PT169H", "nonsense", "-PT1H"]) {
  test(`refuses a grace of ${grace}`, async () => {
    const { endpoint_id } = await create();
    const response = await ask(endpoint_id, { grace });
    assert.deepEqual([response.statusCode, codeOf(response)], [422, "ROTATION_GRACE_INVALID"]);
  });
}

test("an empty body counts as none, and what is no JSON is refused", async () => {
  const { endpoint_id } = await create();
  const post = (payload: string) =>
    t.app.inject({
      method: "POST",
      url: `/endpoints/${endpoint_id}/rotate_secret`,
      headers: { ...AUTH, "content-type": "application/json" },
      payload,
    });
  assert.equal((await post("")).statusCode, 200);
  assert.deepEqual(codeOf(await post("{")), "REQUEST_INVALID");
});
