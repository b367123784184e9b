import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { batchUploaded, uuidOfBatchId } from "@valify/contracts";
import { RuleProfile, RuleProfilePage, RuleProfileView } from "@valify/contracts/api";

import {
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const read = async (headers: Record<string, string> = AUTH) => {
  const response = await t.app.inject({ method: "GET", url: "/rule_profile", headers });
  return { response, view: RuleProfileView.parse(response.json()) };
};
const put = (payload: object | string, headers: Record<string, string> = AUTH) =>
  t.app.inject({
    method: "PUT",
    url: "/rule_profile",
    payload,
    headers: { "content-type": "application/json", ...headers },
  });

test("a tenant that has set nothing has the defaults, as version 0", async () => {
  const { response, view } = await read(OTHER_AUTH);
  assert.deepEqual([view.version, view.created_at], [0, null]);
  assert.deepEqual(view.profile, RuleProfile.parse({}));
  assert.equal(response.headers["etag"], '"0"');
});

test("a change is a new version; a batch keeps the rules it was accepted under", async () => {
  const { view: first } = await read();
  const earlier = await uploadedBatch(t.app);
  const profile = { levels: { DUP_PREVIOUS_BATCH: "error", NAME_TITLE: "off" }, min_age: 21 };
  const response = await put(profile);
  assert.equal(response.statusCode, 200, response.body);
  const changed = RuleProfileView.parse(response.json());
  assert.equal(changed.version, first.version + 1);
  assert.notEqual(changed.ruleset_version, first.ruleset_version);
  assert.equal(response.headers["etag"], `"${changed.version}"`);
  assert.deepEqual((await read()).view, changed);
  const { rows: audit } = await t.owner.query(
    "select object_id, details from ingest.audit_log where action = 'rule_profile.changed'",
  );
  const details = { rulesetVersion: changed.ruleset_version };
  assert.deepEqual(audit.at(-1), { object_id: String(changed.version), details });

  const later = await uploadedBatch(t.app);
  assert.deepEqual(await snapshotOf(earlier.batchId), first);
  assert.deepEqual(await snapshotOf(later.batchId), changed);
});

/** What the batch's row and its event say of its rules, in the shape of the route. */
async function snapshotOf(batchId: string): Promise<object> {
  const { rows } = await t.owner.query(
    "select rule_profile, rule_profile_version, ruleset_version from ingest.batches where batch_id = $1",
    [uuidOfBatchId(batchId)],
  );
  const { rows: outbox } = await t.owner.query("select event from ingest.outbox");
  const { event } = outbox.find((entry) => entry.event.batch_id === batchId);
  assert.deepEqual(batchUploaded.schema.parse(event).rule_profile, rows[0].rule_profile);
  const { rows: versions } = await t.owner.query(
    "select created_at from ingest.rule_profiles where version = $1",
    [rows[0].rule_profile_version],
  );
  return {
    version: rows[0].rule_profile_version,
    ruleset_version: rows[0].ruleset_version,
    profile: rows[0].rule_profile,
    created_at: versions[0]?.created_at.toISOString() ?? null,
  };
}

test("the same choices spelt another way are another version of the same ruleset", async () => {
  const one = RuleProfileView.parse((await put({ levels: { NAME_TITLE: "off" } })).json());
  const spelt = { min_age: 18, levels: { NAME_COMPANY: "off", NAME_TITLE: "off" } };
  const two = RuleProfileView.parse((await put(spelt)).json());
  assert.deepEqual([two.version, two.ruleset_version], [one.version + 1, one.ruleset_version]);
});

const history = (query: string) =>
  t.app.inject({ method: "GET", url: `/rule_profile/history${query}`, headers: OTHER_AUTH });

const refusals = [
  ["an unknown rule", { levels: { NAME_TITEL: "off" } }, 422, "RULE_UNKNOWN"],
  ["a rule nobody may change", { levels: { SUPPRESSED_ERASED: "off" } }, 422, "RULE_UNKNOWN"],
  ["an unknown level", { levels: { NAME_TITLE: "maybe" } }, 400, "REQUEST_INVALID"],
  ["an unknown field", { min_age: 18, max: 3 }, 400, "REQUEST_INVALID"],
  ["an age below nought", { min_age: -1 }, 400, "REQUEST_INVALID"],
  ["a prototype", '{"levels":{"__proto__":"off"}}', 400, "REQUEST_INVALID"],
  ["no JSON", "{", 400, "REQUEST_INVALID"],
] as const;
for (const [what, body, status, code] of refusals) {
  test(`${what} is refused and changes nothing`, async () => {
    const { view } = await read();
    const response = await put(body);
    assert.equal(response.statusCode, status, response.body);
    assert.equal(codeOf(response), code);
    assert.deepEqual((await read()).view, view);
  });
}

test("a change of what somebody else has changed since is refused", async () => {
  const { view } = await read();
  const seen = { ...AUTH, "if-match": `"${view.version}"` };
  const [one, two] = await Promise.all([put({ min_age: 19 }, seen), put({ min_age: 20 }, seen)]);
  const statuses = [one.statusCode, two.statusCode];
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 412],
  );
  assert.equal(codeOf(one.statusCode === 412 ? one : two), "RULE_PROFILE_CHANGED");
  assert.equal((await read()).view.version, view.version + 1);
});

test("changes at once become versions one after the other, all of them in the history", async () => {
  const { view } = await read();
  const changes = await Promise.all([1, 2, 3, 4].map((age) => put({ min_age: age })));
  assert.ok(changes.every(({ statusCode }) => statusCode === 200));
  const seen: number[] = [];
  let cursor = "";
  do {
    const url = `/rule_profile/history?limit=3${cursor}`;
    const response = await t.app.inject({ method: "GET", url, headers: AUTH });
    const page = RuleProfilePage.parse(response.json());
    seen.push(...page.profiles.map(({ version }) => version));
    cursor = page.next_cursor === null ? "" : `&cursor=${page.next_cursor}`;
  } while (cursor !== "");
  const newest = view.version + 4;
  assert.deepEqual(
    seen,
    Array.from({ length: newest }, (_, index) => newest - index),
  );
});

test("another tenant sees none of it, and a bad cursor is told", async () => {
  assert.equal((await read(OTHER_AUTH)).view.version, 0);
  assert.deepEqual(RuleProfilePage.parse((await history("")).json()).profiles, []);
  assert.equal(codeOf(await history("?cursor=x")), "CURSOR_INVALID");
});
