import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { EndpointCreated, EndpointView } from "@valify/contracts/api";
import { createSecretBox } from "@valify/runtime";
import { testCertificates } from "@valify/runtime/testing";

import {
  AUTH,
  codeOf,
  createTestApp,
  guardWhere,
  OTHER_AUTH,
  SECRET_KEY,
  type TestApp,
} from "./test-support.ts";

const URL_OF_HOOK = "https://hooks.example.com/leads";
const box = createSecretBox(SECRET_KEY);
/** What the name server says; public unless a test says otherwise. */
let address = "1.1.1.1";
let t: TestApp;
before(async () => {
  t = await createTestApp({ guard: guardWhere(() => address) });
});
beforeEach(async () => {
  address = "1.1.1.1";
  await t.owner.query("delete from ingest.endpoints");
});
after(() => t[Symbol.asyncDispose]());

type Method = "GET" | "POST" | "PATCH" | "DELETE";
const ask = (method: Method, url: string, payload?: object, headers = AUTH) =>
  t.app.inject({ method, url, headers, ...(payload && { payload }) });

async function create(settings: object = {}, headers = AUTH) {
  const response = await ask("POST", "/endpoints", { url: URL_OF_HOOK, ...settings }, headers);
  assert.equal(response.statusCode, 201, response.body);
  return EndpointCreated.parse(response.json());
}

async function stored(endpointId: string) {
  const { rows } = await t.owner.query("select * from ingest.endpoints where endpoint_id = $1", [
    endpointId,
  ]);
  return rows[0];
}

test("an endpoint is created with its settings, and its secret is shown this once", async () => {
  const settings = {
    description: "Sales",
    send: "valid",
    rate_per_second: 20,
    concurrency: 4,
    retry_delays: ["PT1M", "PT1H30M", "P1D"],
    headers: { "X-Team": "sales", Authorization: "Bearer of-mine" },
  };
  const { secret, ...view } = await create(settings);
  assert.match(secret ?? "", /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.deepEqual(
    { ...view, created_at: "", updated_at: "", endpoint_id: "" },
    {
      ...settings,
      endpoint_id: "",
      url: URL_OF_HOOK,
      status: "active",
      headers: { "x-team": "sales", authorization: "********" },
      client_certificate: null,
      signature: "v1",
      public_key: null,
      old_secrets_until: [],
      is_default: false,
      created_at: "",
      updated_at: "",
    },
  );
  const row = await stored(view.endpoint_id);
  assert.equal(box.open(row.secret_encrypted), secret);
  assert.equal(JSON.parse(box.open(row.headers_encrypted)).authorization, "Bearer of-mine");
  for (const url of ["/endpoints", `/endpoints/${view.endpoint_id}`]) {
    const { statusCode, body } = await ask("GET", url);
    assert.equal(statusCode, 200);
    assert.ok(!body.includes("whsec_") && !body.includes("of-mine"), body);
  }
  const whole = JSON.stringify(row, (_, value: unknown) =>
    Buffer.isBuffer(value) ? value.toString("latin1") : value,
  );
  assert.ok(
    !whole.includes(secret ?? "-") && !whole.includes("of-mine"),
    "nothing is in the clear",
  );
});

test("settings that are left out are the installation's", async () => {
  const view = await create();
  const { description, send, rate_per_second, concurrency, retry_delays, headers } = view;
  assert.deepEqual(
    { description, send, rate_per_second, concurrency, retry_delays, headers },
    {
      description: "",
      send: "all",
      rate_per_second: null,
      concurrency: null,
      retry_delays: null,
      headers: {},
    },
  );
});

test("an endpoint for ed25519 shows a public key and no secret", async () => {
  const { secret, signature, public_key, endpoint_id } = await create({ signature: "v1a" });
  assert.deepEqual([secret, signature], [null, "v1a"]);
  assert.match(public_key ?? "", /^whpk_[A-Za-z0-9+/]{43}=$/);
  const signing = box.open((await stored(endpoint_id)).secret_encrypted);
  assert.match(signing, /^whsk_/);
  const pair = Buffer.from(signing.slice(5), "base64");
  assert.equal(`whpk_${pair.subarray(32).toString("base64")}`, public_key);
});

const ADDRESSES = `http://hooks.example.com/ ftp://hooks.example.com/ https://127.0.0.1/ https://127.1/
  https://0x7f000001/ https://2130706433/ https://[::1]/ https://[::ffff:7f00:1]/ https://10.0.0.8/
  https://169.254.169.254/latest/meta-data https://good.example@127.0.0.1/ https://u:p@hooks.example.com/
  not-an-address`;
for (const url of ADDRESSES.split(/\s+/)) {
  test(`the address ${url} is refused, at creation and at a change`, async () => {
    const { endpoint_id } = await create();
    for (const response of [
      await ask("POST", "/endpoints", { url }),
      await ask("PATCH", `/endpoints/${endpoint_id}`, { url }),
    ]) {
      assert.deepEqual([response.statusCode, codeOf(response)], [422, "ENDPOINT_ADDRESS_REFUSED"]);
    }
    assert.equal((await stored(endpoint_id)).url, URL_OF_HOOK);
  });
}

test("a name that leads inside is refused", async () => {
  address = "10.0.0.8";
  const response = await ask("POST", "/endpoints", { url: "https://127.0.0.1.nip.io/" });
  assert.deepEqual([response.statusCode, codeOf(response)], [422, "ENDPOINT_ADDRESS_REFUSED"]);
});

for (const [what, settings, code] of [
  ["a header of ours", { headers: { "webhook-id": "x" } }, "ENDPOINT_HEADER_REFUSED"],
  ["a header that splits", { headers: { "x-a": "b\r\nc" } }, "ENDPOINT_HEADER_REFUSED"],
  ["a delay that is none", { retry_delays: ["1m"] }, "RETRY_DELAYS_INVALID"],
  ["a delay of days", { retry_delays: ["P2D"] }, "RETRY_DELAYS_INVALID"],
  [
    "a certificate that is none",
    { client_certificate: { certificate: "x", key: "y" } },
    "CLIENT_CERTIFICATE_INVALID",
  ],
  [
    "another certificate's key",
    {
      client_certificate: {
        certificate: testCertificates.client.certificate,
        key: testCertificates.otherClient.key,
      },
    },
    "CLIENT_CERTIFICATE_INVALID",
  ],
] as const) {
  test(`refuses ${what}`, async () => {
    const response = await ask("POST", "/endpoints", { url: URL_OF_HOOK, ...settings });
    assert.deepEqual([response.statusCode, codeOf(response)], [422, code]);
  });
}

for (const settings of [
  {},
  { url: URL_OF_HOOK, send: "some" },
  { url: URL_OF_HOOK, rate_per_second: -1 },
  { url: URL_OF_HOOK, concurrency: 0 },
  { url: URL_OF_HOOK, concurrency: 257 },
  { url: URL_OF_HOOK, retry_delays: [] },
  { url: URL_OF_HOOK, retry_delays: Array.from({ length: 11 }, () => "PT1M") },
  { url: URL_OF_HOOK, unknown: true },
  { url: `https://hooks.example.com/${"x".repeat(2_048)}` },
]) {
  test(`refuses ${JSON.stringify(settings).slice(0, 80)} as a request`, async () => {
    const response = await ask("POST", "/endpoints", settings);
    assert.deepEqual([response.statusCode, codeOf(response)], [400, "REQUEST_INVALID"]);
  });
}

test("a client certificate is shown by its fingerprint; its key is sealed", async () => {
  const { certificate, key } = testCertificates.client;
  const { client_certificate: shown, endpoint_id } = await create({
    client_certificate: { certificate, key },
  });
  assert.match(shown?.fingerprint_sha256 ?? "", /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  const row = await stored(endpoint_id);
  assert.equal(box.open(row.client_key_encrypted), key);
  const response = await ask("PATCH", `/endpoints/${endpoint_id}`, { client_certificate: null });
  assert.equal(EndpointView.parse(response.json()).client_certificate, null);
  assert.equal((await stored(endpoint_id)).client_key_encrypted, null);
});

test("a change touches what it names; masked headers that come back stay", async () => {
  const headers = { authorization: "Bearer of-mine", "x-team": "sales" };
  const first = await create({ description: "Sales", headers, retry_delays: ["PT1M"] });
  const url = `/endpoints/${first.endpoint_id}`;
  const response = await ask("PATCH", url, {
    url: "https://new.example.com/",
    rate_per_second: 5,
    retry_delays: null,
    headers: { ...first.headers, "x-team": "ops" },
  });
  const changed = EndpointView.parse(response.json());
  assert.equal(changed.url, "https://new.example.com/");
  assert.equal(changed.rate_per_second, 5);
  assert.equal(changed.retry_delays, null);
  assert.equal(changed.description, "Sales");
  const row = await stored(first.endpoint_id);
  assert.deepEqual(JSON.parse(box.open(row.headers_encrypted)), { ...headers, "x-team": "ops" });
});

test("pausing and making active again tells when it was made active", async () => {
  const { endpoint_id } = await create();
  const url = `/endpoints/${endpoint_id}`;
  const { activated_at: created } = await stored(endpoint_id);
  assert.equal((await ask("PATCH", url, { status: "paused" })).json().status, "paused");
  assert.deepEqual((await stored(endpoint_id)).activated_at, created);
  assert.equal((await ask("PATCH", url, { status: "active" })).json().status, "active");
  assert.ok((await stored(endpoint_id)).activated_at > created);
  const refused = await ask("PATCH", url, { status: "disabled" });
  assert.equal(codeOf(refused), "REQUEST_INVALID");
});

test("another tenant's endpoint is not there, whatever is asked of it", async () => {
  const { endpoint_id } = await create();
  const url = `/endpoints/${endpoint_id}`;
  for (const response of [
    await ask("GET", url, undefined, OTHER_AUTH),
    await ask("PATCH", url, { description: "x" }, OTHER_AUTH),
    await ask("DELETE", url, undefined, OTHER_AUTH),
    await ask("POST", `${url}/rotate_secret`, undefined, OTHER_AUTH),
    await ask("GET", "/endpoints/nonsense"),
  ]) {
    assert.deepEqual([response.statusCode, codeOf(response)], [404, "ENDPOINT_NOT_FOUND"]);
  }
  assert.deepEqual((await ask("GET", "/endpoints", undefined, OTHER_AUTH)).json().endpoints, []);
  assert.equal((await ask("GET", url)).statusCode, 200);
});

test("a deleted endpoint is gone", async () => {
  const { endpoint_id } = await create();
  const url = `/endpoints/${endpoint_id}`;
  assert.equal((await ask("DELETE", url)).statusCode, 204);
  assert.equal((await ask("GET", url)).statusCode, 404);
  assert.equal((await ask("DELETE", url)).statusCode, 404);
});

test("a tenant has fifty endpoints at most, however many ask at once", async () => {
  await t.owner.query(
    `insert into ingest.endpoints (tenant_id, url, secret_encrypted)
     select tenant_id, 'https://x.example/', '' from ingest.tenants, generate_series(1, 48)
     where name = 'default'`,
  );
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => ask("POST", "/endpoints", { url: URL_OF_HOOK })),
  );
  const created = answers.filter(({ statusCode }) => statusCode === 201);
  const refused = answers.filter(({ statusCode }) => statusCode === 409);
  assert.deepEqual([created.length, refused.length], [2, 4]);
  assert.ok(refused.every((response) => codeOf(response) === "ENDPOINT_LIMIT_REACHED"));
  await create({}, OTHER_AUTH);
});

test("every change is in the audit log, without a secret", async () => {
  const { endpoint_id } = await create({ headers: { authorization: "Bearer of-mine" } });
  const url = `/endpoints/${endpoint_id}`;
  await ask("PATCH", url, { description: "x" });
  await ask("POST", `${url}/rotate_secret`);
  await ask("DELETE", url);
  const { rows } = await t.owner.query(
    "select action, details from ingest.audit_log where object_id = $1 order by sequence",
    [endpoint_id],
  );
  assert.deepEqual(
    rows.map(({ action }) => action),
    ["endpoint.created", "endpoint.changed", "endpoint.secret_rotated", "endpoint.deleted"],
  );
  assert.ok(!JSON.stringify(rows).includes("of-mine"));
});
