import assert from "node:assert/strict";
import { test } from "node:test";

import { createSecretBox } from "@valify/runtime";
import { sql } from "kysely";
import { Webhook } from "standardwebhooks";

import { buildRequest, contentOf } from "./build-request.ts";
import { createEndpointSecrets } from "./endpoint-secrets.ts";
import { loadEndpoints, loadLeads } from "./lead-queries.ts";
import { createFixture } from "./test-fixture.ts";

const box = createSecretBox("0123456789abcdef0123456789abcdef");
const NEW = "whsec_plJ3nmyCDGBKInavdOK15jslplJ3nmyCDGBK";
const OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLDER = "whsec_plJ3nmyCDGBKInavdOK15jsl";

test("what goes out carries the owner's headers and a signature per secret still in its grace", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint();
  const sealedHeaders = box.seal(
    JSON.stringify({ authorization: "Bearer token", "webhook-id": "msg_forged" }),
  );
  await sql`
    update ingest.endpoints set secret_encrypted = ${box.seal(NEW)},
      old_secrets_encrypted = array[${box.seal(OLD)}, ${box.seal(OLDER)}]::bytea[],
      old_secrets_until = array[now() + interval '1 hour', now() - interval '1 second'],
      headers_encrypted = ${sealedHeaders}, client_certificate = 'PEM',
      client_key_encrypted = ${box.seal("KEY")}`.execute(fixture.owner);
  const [leadUuid = ""] = await fixture.addLeads(1);
  const lead = (await loadLeads(fixture.db, [leadUuid])).get(leadUuid);
  const [endpoint] = await loadEndpoints(fixture.db, [fixture.tenantId]);
  assert.ok(lead !== undefined && endpoint !== undefined);
  const secrets = createEndpointSecrets(box)(endpoint);
  const { url } = endpoint;
  const request = buildRequest({
    deliveryId: "018f3b1e-0000-5000-8000-00000000000d",
    content: contentOf(lead),
    url,
    secrets,
    userAgent: "valify-batch/test",
    now: new Date(),
  });
  assert.deepEqual(request.identity, { certificate: "PEM", key: "KEY" });
  assert.equal(request.headers["authorization"], "Bearer token");
  assert.equal(request.headers["webhook-id"], "msg_018f3b1e00005000800000000000000d");
  assert.equal(request.headers["webhook-signature"]?.split(" ").length, 2);
  for (const held of [NEW, OLD]) new Webhook(held).verify(request.body, { ...request.headers });
  assert.throws(() => new Webhook(OLDER).verify(request.body, { ...request.headers }));
});

test("a rotated secret counts from the next load on, and the client certificate comes with its key", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint();
  const secretsOf = createEndpointSecrets(box);
  const load = async () => {
    const [endpoint] = await loadEndpoints(fixture.db, [fixture.tenantId]);
    assert.ok(endpoint !== undefined);
    return secretsOf(endpoint);
  };
  const before = await load();
  assert.equal(before.identity, null);
  await sql`update ingest.endpoints set secret_encrypted = ${box.seal(NEW)},
    client_certificate = 'PEM', client_key_encrypted = ${box.seal("KEY")}`.execute(fixture.owner);
  const after = await load();
  assert.notDeepEqual(after.keys[0]?.key.export(), before.keys[0]?.key.export());
  assert.deepEqual(after.identity, { certificate: "PEM", key: "KEY" });
});
