import type { FileProblem } from "./file-problem.ts";
import { judgeRow, type RowVerdict } from "./judge-row.ts";
import type { LeadFile } from "./lead-file.ts";
import { readLeadFile } from "./read-lead-file.ts";
import { defaultRuleProfile, type RuleProfile } from "./rules/profile.ts";
import type { Finding, JudgeContext } from "./rules/rule.ts";
import { compileRuleset } from "./rules/ruleset.ts";

/** Tests judge as if today were this day. */
export const AS_OF = { year: 2026, month: 3, day: 15 } as const;
export const HEADER = { first_name: 0, last_name: 1, dob: 2 } as const;
const MAX_ROWS = 10_000;

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The file as read, which must have been accepted. */
export function accepted(input: string | Uint8Array, maxRows: number = MAX_ROWS): LeadFile {
  const reading = readLeadFile(typeof input === "string" ? bytesOf(input) : input, { maxRows });
  if (reading.kind === "accepted") return reading.file;
  throw new Error(`refused: ${reading.problem.code} ${reading.problem.message}`);
}

/** Why the file was refused, which it must have been. */
export function refused(input: string | Uint8Array, maxRows: number = MAX_ROWS): FileProblem {
  const reading = readLeadFile(typeof input === "string" ? bytesOf(input) : input, { maxRows });
  if (reading.kind === "refused") return reading.problem;
  throw new Error("accepted");
}

/** Problem codes of the file's data rows, in order; `null` for a row that reads as a lead. */
export function problemsOf(file: LeadFile): (string | null)[] {
  return file.rows.map(({ problem }) => problem?.code ?? null);
}

export function contextWith(rules: Partial<RuleProfile> = {}): JudgeContext {
  return { asOf: AS_OF, ruleset: compileRuleset({ ...defaultRuleProfile, ...rules }) };
}

/** The verdict on a lead with these three cells. */
export function verdictOn(
  firstName: string,
  lastName: string,
  dob: string,
  rules: Partial<RuleProfile> = {},
): RowVerdict {
  const cells = [firstName, lastName, dob];
  const row = { rowNumber: 1, lineNumber: 2, cells, problem: null };
  return judgeRow(row, { header: HEADER }, contextWith(rules));
}

/** `E`, `W` or `I`, the code and the field of every finding, in order. */
export function summaryOf({ errors, warnings }: RowVerdict): string[] {
  return [...errors, ...warnings].map(summaryLine);
}

function summaryLine({ code, field, severity }: Finding): string {
  return `${severity.charAt(0).toUpperCase()} ${code} ${field}`;
}
