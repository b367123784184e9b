import type { FindingField, Severity } from "./rule.ts";

/** The first error of a lead says what to mend first: a value that is missing, then an impossible one. */
export type RuleGroup = "missing" | "impossible" | "other";

export interface RuleInfo {
  /** Raised whenever the rule judges otherwise than before: part of a ruleset's version. */
  readonly version: number;
  /** `name`: of either name; `file`: of the whole file, a warning or a refusal of it. */
  readonly field: FindingField | "name" | "file";
  readonly group: RuleGroup;
  /** Of a finding where the profile says nothing else. */
  readonly severity: Severity;
  /** Whether the rule runs where the profile does not name it. */
  readonly isOn: boolean;
  /** No profile may change it: the row could not be stored, or the law says so. */
  readonly isFixed: boolean;
  /** What it says; `{Field}` and other words in braces are filled in. */
  readonly message: string;
}

type Given = Pick<RuleInfo, "field" | "severity" | "message"> & Partial<RuleInfo>;

const rule = (given: Given): RuleInfo => ({
  version: 1,
  group: "other",
  isOn: true,
  isFixed: false,
  ...given,
});
const nameError = (message: string): RuleInfo =>
  rule({ field: "name", severity: "error", message });
const nameWarning = (message: string): RuleInfo =>
  rule({ field: "name", severity: "warning", message });
const dobError = (message: string, group: RuleGroup = "other"): RuleInfo =>
  rule({ field: "dob", severity: "error", message, group });
const pairWarning = (message: string): RuleInfo =>
  rule({ field: "row", severity: "warning", message });
const missing = (field: FindingField, message: string): RuleInfo =>
  rule({ field, severity: "error", message, group: "missing" });
const off = (info: RuleInfo): RuleInfo => ({ ...info, isOn: false });
const fixed = (info: RuleInfo): RuleInfo => ({ ...info, isFixed: true });
const informing = (info: RuleInfo): RuleInfo => ({ ...info, severity: "info" });

/** Every rule, in the order of the reference page. A code is never used again for something else. */
export const ruleCatalogue = {
  FIRST_NAME_MISSING: missing("first_name", "First name is missing"),
  LAST_NAME_MISSING: missing("last_name", "Last name is missing"),
  NAME_TOO_LONG: fixed(nameError("{Field} is longer than {n} characters")),
  NAME_CHARSET: nameError("{Field} has characters not used in names: {chars}"),
  NAME_NO_LETTERS: nameError("{Field} has no letter"),
  ROW_CONTROL_CHAR: fixed(
    rule({
      field: "row",
      severity: "error",
      message: "Row contains an invisible control character",
    }),
  ),
  NAME_REPLACEMENT_CHAR: nameError("{Field} has a damaged character (�). Re-save as CSV UTF-8"),
  NAME_MOJIBAKE: nameWarning("{Field} looks damaged by a wrong encoding"),
  NAME_INVISIBLE_REMOVED: nameWarning("{Field} had hidden characters, which were removed"),
  NAME_FORMULA: nameError("{Field} cannot start with = + - or @"),
  NAME_MARKUP_OR_URL: nameError("{Field} contains a web address, email or code"),
  NAME_DIGITS: nameWarning("{Field} contains a number"),
  NAME_TITLE: nameWarning("{Field} seems to contain a title (Mr, Dr …)"),
  NAME_PLACEHOLDER: nameError("{Field} is a placeholder"),
  NAME_TEST_PERSON: rule({
    field: "row",
    severity: "error",
    message: "This looks like a test record",
  }),
  NAME_FICTIONAL: pairWarning("This is a fictional character's name"),
  NAME_REPEATED_CHAR: nameWarning("{Field} repeats one letter"),
  NAME_KEYBOARD_RUN: nameWarning("{Field} looks typed along the keyboard"),
  NAME_NO_VOWEL: nameWarning("{Field} has no vowels"),
  NAME_PROFANITY: off(nameWarning("{Field} may be offensive")),
  NAME_SAME_FIRST_LAST: pairWarning("First and last name are the same"),
  NAME_SINGLE_LETTER: off(informing(nameWarning("{Field} is one letter"))),
  NAME_MIXED_SCRIPT: nameWarning("{Field} mixes alphabets"),
  NAME_COMPANY: off(nameWarning("{Field} looks like a company")),
  DOB_MISSING: missing("dob", "Date of birth is missing"),
  DOB_FORMAT: dobError("Write the date of birth as dd/mm/yyyy"),
  DOB_NOT_REAL: dobError("This date does not exist", "impossible"),
  DOB_TWO_DIGIT_YEAR: dobError("Write the year with four digits"),
  DOB_EXCEL_SERIAL: dobError(
    "{n} looks like an Excel date number. Format the column as Text or dd/mm/yyyy",
  ),
  DOB_FORMAT_CONVERTED: rule({
    field: "dob",
    severity: "warning",
    message: "Read yyyy-mm-dd as {dd/mm/yyyy}",
  }),
  DOB_FUTURE: dobError("Date of birth is not in the past", "impossible"),
  DOB_TOO_OLD: dobError("Date of birth is over {n} years ago", "impossible"),
  DOB_UNDER_MIN_AGE: dobError("Lead is under {n}"),
  DOB_PLACEHOLDER: informing(dobError("Often used when the date is unknown")),
  DUP_IN_FILE: rule({
    field: "row",
    severity: "error",
    message: "Same name and date of birth as row {n}",
  }),
  DUP_NEAR: off(informing(pairWarning("Same name as row {n}, and nearly the same date of birth"))),
  DUP_PREVIOUS_BATCH: pairWarning("Already seen in batch {id} on {date}"),
  SUPPRESSED_ERASED: fixed(
    rule({ field: "row", severity: "error", message: "This person asked to be erased" }),
  ),
  FILE_DOB_ORDER_SUSPECT: rule({
    field: "file",
    severity: "warning",
    message: "The dates look like mm/dd/yyyy",
  }),
  FILE_SAME_ROWS: rule({
    field: "file",
    severity: "warning",
    message: "The same leads are in batch {id}",
  }),
  EXT_UNAVAILABLE: fixed(pairWarning("External check could not be made")),
} as const satisfies Readonly<Record<string, RuleInfo>>;

export type RuleCode = keyof typeof ruleCatalogue;

export function isRuleCode(code: string): code is RuleCode {
  return Object.hasOwn(ruleCatalogue, code);
}

const GROUP_ORDER: Readonly<Record<RuleGroup, number>> = { missing: 0, impossible: 1, other: 2 };

/** Where a code stands among the errors of a lead: what to mend first comes first. */
export function rankOf(code: string): number {
  return GROUP_ORDER[isRuleCode(code) ? ruleCatalogue[code].group : "other"];
}
