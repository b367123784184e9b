import { cleanName, type CleanName, cleanValue } from "./clean-name.ts";
import type { Dialect, FileRow, LeadField, RowProblem } from "./lead-file.ts";
import { leadIdOf, SLUG_VERSION } from "./lead-id.ts";
import { rankOf } from "./rules/catalogue.ts";
import { judgeDob } from "./rules/dates.ts";
import { isFictionalPair, isPlaceholder, testPairOf } from "./rules/junk.ts";
import { type Finding, type Findings, type JudgeContext, report } from "./rules/rule.ts";
import { cutToCodePoints, VALUE_CODE_POINTS_MAX } from "./text.ts";

export interface RowVerdict {
  /** `skipped`: the row cannot be read as a lead, and is neither announced nor notified. */
  readonly status: "valid" | "invalid" | "skipped";
  /** Every row has one; a label, never a key. */
  readonly leadId: string;
  readonly slugVersion: typeof SLUG_VERSION;
  /** Cleaned, at most 200 code points. */
  readonly firstName: string;
  readonly lastName: string;
  /** `dd/mm/yyyy` when a real date could be read, else the text as typed, cut to 200 code points. */
  readonly dob: string;
  /** `yyyy-mm-dd`, or `null` when no real date could be read. */
  readonly dobDate: string | null;
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

const FIELD_LABELS = { first_name: "First name", last_name: "Last name" } as const;
type NameField = Exclude<LeadField, "dob">;

/** Judges one row by the rules that need no other row. Pure: the same input, the same verdict. */
export function judgeRow(
  row: FileRow,
  dialect: Pick<Dialect, "header">,
  ctx: JudgeContext,
): RowVerdict {
  const { header } = dialect;
  const firstName = cleanName(row.cells[header.first_name] ?? "");
  const lastName = cleanName(row.cells[header.last_name] ?? "");
  const rawDob = row.cells[header.dob] ?? "";
  if (row.problem !== null) return skippedVerdict(row.problem, { firstName, lastName, rawDob });

  const findings: Findings = { errors: [], warnings: [] };
  judgeName(firstName, "first_name", ctx, findings);
  judgeName(lastName, "last_name", ctx, findings);
  judgePair(firstName, lastName, ctx, findings);
  const { dob, dobDate } = judgeDob(rawDob, ctx, findings);
  const names = cutNames(firstName, lastName);
  return {
    status: findings.errors.length === 0 ? "valid" : "invalid",
    leadId: leadIdOf(names.firstName, names.lastName, dobDate),
    slugVersion: SLUG_VERSION,
    ...names,
    dob,
    dobDate,
    errors: byUrgency(findings.errors),
    warnings: findings.warnings,
  };
}

/** The verdict with one more finding, as a batch rule adds it. A skipped row stays skipped. */
export function withFinding(verdict: RowVerdict, finding: Finding): RowVerdict {
  if (finding.severity !== "error") {
    return { ...verdict, warnings: [...verdict.warnings, finding] };
  }
  const status = verdict.status === "skipped" ? "skipped" : "invalid";
  return { ...verdict, status, errors: byUrgency([...verdict.errors, finding]) };
}

/** The first error is the one to mend first; among equals the order of the fields stays. */
function byUrgency(errors: readonly Finding[]): readonly Finding[] {
  if (errors.length < 2) return errors;
  return errors.toSorted((a, b) => rankOf(a.code) - rankOf(b.code));
}

function judgeName(name: CleanName, field: NameField, ctx: JudgeContext, findings: Findings) {
  const { ruleset } = ctx;
  const label = FIELD_LABELS[field];
  if (name.text === "") {
    const code = field === "first_name" ? "FIRST_NAME_MISSING" : "LAST_NAME_MISSING";
    report(findings, ctx, { code, field, message: `${label} is missing` });
    return;
  }
  if (ruleset.levelOf("NAME_PLACEHOLDER") !== "off" && isPlaceholder(name)) {
    const message = `${label} is a placeholder`;
    report(findings, ctx, { code: "NAME_PLACEHOLDER", field, message });
    return;
  }
  for (const { code, find } of ruleset.nameRules[name.kind]) {
    const problem = find(name, ruleset.profile);
    if (problem === null) continue;
    report(findings, ctx, { code, field, message: `${label} ${problem}` });
  }
}

function judgePair(
  firstName: CleanName,
  lastName: CleanName,
  ctx: JudgeContext,
  findings: Findings,
): void {
  if (firstName.text === "" || lastName.text === "") return;
  const pair = `${firstName.lower} ${lastName.lower}`;
  const testPair = testPairOf(pair);
  if (testPair !== null) {
    const message = "This looks like a test record";
    const isDoubtful = testPair === "doubtful";
    report(findings, ctx, { code: "NAME_TEST_PERSON", field: "row", message, isDoubtful });
  }
  if (isFictionalPair(pair)) {
    const message = "This is a fictional character's name";
    report(findings, ctx, { code: "NAME_FICTIONAL", field: "row", message });
  }
  if (firstName.lower === lastName.lower) {
    const message = "First and last name are the same";
    report(findings, ctx, { code: "NAME_SAME_FIRST_LAST", field: "row", message });
  }
}

/** Its cells may stand in the wrong columns, so no date is read from them. */
function skippedVerdict(
  { code, message }: RowProblem,
  { firstName, lastName, rawDob }: { firstName: CleanName; lastName: CleanName; rawDob: string },
): RowVerdict {
  const names = cutNames(firstName, lastName);
  return {
    status: "skipped",
    leadId: leadIdOf(names.firstName, names.lastName, null),
    slugVersion: SLUG_VERSION,
    ...names,
    dob: cutToCodePoints(cleanValue(rawDob), VALUE_CODE_POINTS_MAX),
    dobDate: null,
    errors: [{ code, field: "row", severity: "error", message }],
    warnings: [],
  };
}

function cutNames(firstName: CleanName, lastName: CleanName) {
  return {
    firstName: cutToCodePoints(firstName.text, VALUE_CODE_POINTS_MAX),
    lastName: cutToCodePoints(lastName.text, VALUE_CODE_POINTS_MAX),
  };
}
