import assert from "node:assert/strict";

import { CANARY_NAMES } from "./lead-csv.ts";

/** Shapes that only personal data has; our own log lines carry ISO times of this century. */
const PERSONAL = [
  { what: "a name", pattern: new RegExp(CANARY_NAMES.join("|"), "i") },
  { what: "a date of birth", pattern: /\b\d{2}\/\d{2}\/(?:19|20)\d{2}\b/ },
  { what: "an ISO date of birth", pattern: /\b19\d{2}-\d{2}-\d{2}\b/ },
] as const;

/** Fails when a log line shows a person or a secret. The line itself is shown: the people are nobody. */
export function assertNothingPersonal(
  logs: readonly string[],
  secrets: readonly string[],
  where: string,
): void {
  for (const line of logs) {
    for (const { what, pattern } of PERSONAL) {
      assert.doesNotMatch(line, pattern, `${where} logged ${what}: ${line}`);
    }
    assert(!secrets.some((secret) => line.includes(secret)), `${where} logged a secret`);
  }
}
