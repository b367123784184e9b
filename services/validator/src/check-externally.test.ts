import assert from "node:assert/strict";
import { test } from "node:test";

import { compileRuleset, defaultRuleProfile, judgeRow, type RuleProfile } from "@valify/lead-file";
import { createLogger } from "@valify/runtime";

import { checkExternally } from "./check-externally.ts";
import type { Draft } from "./domain/chunk-judge.ts";
import type { ExternalProvider, ExternalQuestion, ExternalReply } from "./external-provider.ts";
import { newBatch } from "./testing/fixtures.ts";

const log = createLogger("validator", "silent");

function draftOf(rowNumber: number, dob = "15/03/1990"): Draft {
  const row = {
    rowNumber,
    lineNumber: rowNumber + 1,
    cells: ["Zelka", "Vlorena", dob],
    problem: null,
  };
  const asOf = { year: 2026, month: 3, day: 15 };
  const header = { first_name: 0, last_name: 1, dob: 2 };
  return {
    row,
    verdict: judgeRow(row, { header }, { asOf, ruleset: compileRuleset(defaultRuleProfile) }),
  };
}

interface Provider extends ExternalProvider {
  readonly asked: ExternalQuestion[];
}

function providerThat(reply: (question: ExternalQuestion) => ExternalReply): Provider {
  const asked: ExternalQuestion[] = [];
  return {
    asked,
    async ask(question) {
      asked.push(question);
      return reply(question);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

const down = () => providerThat(() => ({ kind: "unavailable", reason: "timeout" }));
const rejecting = (rows: readonly number[]) =>
  providerThat(({ leads }) => {
    const finding = {
      code: "EXT_ACME_NO",
      field: "row",
      severity: "error",
      message: "no",
    } as const;
    const findings = leads.map(({ row }) => [row, rows.includes(row) ? [finding] : []] as const);
    return { kind: "answered", findings: new Map(findings) };
  });

async function check(
  policy: RuleProfile["externalCheck"],
  external: Provider | undefined,
  drafts: readonly Draft[],
): Promise<readonly string[] | "held"> {
  const ruleProfile = { ...defaultRuleProfile, externalCheck: policy };
  const batch = { ...newBatch(), ruleProfile };
  const outcome = await checkExternally({ external, log }, batch, drafts);
  if (outcome.kind === "held") return "held";
  return outcome.drafts.map(({ verdict: { status, errors, warnings } }) =>
    [status, ...errors.map(({ code }) => code), ...warnings.map(({ code }) => code)].join(" "),
  );
}

test("off by default: nothing is asked", async () => {
  const provider = down();
  assert.deepEqual(await check(defaultRuleProfile.externalCheck, provider, [draftOf(1)]), [
    "valid",
  ]);
  assert.deepEqual(provider.asked, []);
});

test("asks about valid leads alone, at most a hundred at a time, and keeps their order", async () => {
  const provider = rejecting([2, 250]);
  const drafts = Array.from({ length: 251 }, (_, index) =>
    draftOf(index + 1, index === 2 ? "31/02/1990" : undefined),
  );
  const statuses = await check("warn", provider, drafts);
  assert.deepEqual(
    provider.asked.map(({ leads }) => leads.length),
    [100, 100, 50],
  );
  assert.ok(provider.asked.every(({ leads }) => leads.every(({ row }) => row !== 3)));
  assert.notEqual(statuses, "held");
  assert.deepEqual(
    [1, 2, 3, 250, 251].map((row) => statuses[row - 1]),
    ["valid", "invalid EXT_ACME_NO", "invalid DOB_NOT_REAL", "invalid EXT_ACME_NO", "valid"],
  );
});

test("without an answer the profile's policy decides", async () => {
  const drafts = [draftOf(1), draftOf(2, "31/02/1990")];
  assert.deepEqual(await check("warn", down(), drafts), [
    "valid EXT_UNAVAILABLE",
    "invalid DOB_NOT_REAL",
  ]);
  assert.deepEqual(await check("invalid", down(), drafts), [
    "invalid EXT_UNAVAILABLE",
    "invalid DOB_NOT_REAL",
  ]);
  assert.equal(await check("hold", down(), drafts), "held");
});

test("an installation without a provider has no answer", async () => {
  assert.deepEqual(await check("warn", undefined, [draftOf(1)]), ["valid EXT_UNAVAILABLE"]);
});

test("one group without an answer is marked, the others keep theirs", async () => {
  const provider = providerThat(({ leads }) =>
    leads[0]?.row === 101
      ? { kind: "unavailable", reason: "status_500" }
      : { kind: "answered", findings: new Map() },
  );
  const drafts = Array.from({ length: 201 }, (_, index) => draftOf(index + 1));
  const statuses = await check("warn", provider, drafts);
  assert.notEqual(statuses, "held");
  assert.deepEqual(
    [100, 101, 200, 201].map((row) => statuses[row - 1]),
    ["valid", "valid EXT_UNAVAILABLE", "valid EXT_UNAVAILABLE", "valid"],
  );
});
