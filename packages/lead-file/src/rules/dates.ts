import {
  ageOn,
  type CalendarDate,
  compareDates,
  formatDayFirst,
  formatIsoDate,
  isRealDate,
} from "../calendar.ts";
import { cleanValue } from "../clean-name.ts";
import { cutToCodePoints, VALUE_CODE_POINTS_MAX } from "../text.ts";
import type { RuleCode } from "./catalogue.ts";
import { type Findings, type JudgeContext, report } from "./rule.ts";

export interface DobVerdict {
  /** `dd/mm/yyyy`, or the text as typed when no real date could be read. */
  readonly dob: string;
  /** `yyyy-mm-dd`. */
  readonly dobDate: string | null;
}

const DAY_FIRST = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4})$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})$/;
const TWO_DIGIT_YEAR = /^\d{1,2}([/.-])\d{1,2}\1\d{2}$/;
const EXCEL_SERIAL = /^\d{1,5}(?:\.\d+)?$/;
/** Never converted: there are two Excel date systems, and one has a 29/02/1900. */
const EXCEL_SERIAL_MAX = 60_000;
const MONTHS_PER_YEAR = 12;
const OLD_AGE = 105;

/** Dates typed when the real one is unknown. Real people have them too: never an error. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(["01/01/1900", "01/01/1970", "11/11/1111"]);

/** Reads and judges a date of birth by its own calendar check; `Date` would guess. */
export function judgeDob(raw: string, ctx: JudgeContext, findings: Findings): DobVerdict {
  const text = cleanValue(raw);
  const date = readDate(text, ctx, findings);
  if (date === null) return { dob: cutToCodePoints(text, VALUE_CODE_POINTS_MAX), dobDate: null };
  judgeAge(date, ctx, findings);
  const dob = formatDayFirst(date);
  if (PLACEHOLDERS.has(dob)) {
    note(findings, ctx, "DOB_PLACEHOLDER", "Often used when the date is unknown");
  }
  return { dob, dobDate: formatIsoDate(date) };
}

function readDate(text: string, ctx: JudgeContext, findings: Findings): CalendarDate | null {
  const dayFirst = DAY_FIRST.exec(text);
  if (dayFirst !== null) {
    return realDate(dateOf(dayFirst[4], dayFirst[3], dayFirst[1]), ctx, findings);
  }
  const iso = ISO.exec(text);
  if (iso !== null) {
    const date = realDate(dateOf(iso[1], iso[2], iso[3]), ctx, findings);
    if (date === null) return null;
    const message = `Read yyyy-mm-dd as ${formatDayFirst(date)}`;
    note(findings, ctx, "DOB_FORMAT_CONVERTED", message);
    return date;
  }
  note(findings, ctx, ...unreadable(text));
  return null;
}

function dateOf(year?: string, month?: string, day?: string): CalendarDate {
  return { year: Number(year), month: Number(month), day: Number(day) };
}

function realDate(date: CalendarDate, ctx: JudgeContext, findings: Findings): CalendarDate | null {
  if (isRealDate(date)) return date;
  const swapped = { year: date.year, month: date.day, day: date.month };
  const hint =
    date.month > MONTHS_PER_YEAR && isRealDate(swapped)
      ? ". The month seems to come first: write dd/mm/yyyy"
      : "";
  note(findings, ctx, "DOB_NOT_REAL", `This date does not exist${hint}`);
  return null;
}

function unreadable(text: string): [code: RuleCode, message: string] {
  if (text === "") return ["DOB_MISSING", "Date of birth is missing"];
  if (TWO_DIGIT_YEAR.test(text)) {
    return ["DOB_TWO_DIGIT_YEAR", "Write the year with four digits"];
  }
  if (EXCEL_SERIAL.test(text) && Number(text) >= 1 && Number(text) <= EXCEL_SERIAL_MAX) {
    const advice = "Format the column as Text or dd/mm/yyyy";
    return ["DOB_EXCEL_SERIAL", `${text} looks like an Excel date number. ${advice}`];
  }
  return ["DOB_FORMAT", "Write the date of birth as dd/mm/yyyy"];
}

function judgeAge(date: CalendarDate, ctx: JudgeContext, findings: Findings): void {
  const { asOf } = ctx;
  const { minAge, maxAge } = ctx.ruleset.profile;
  if (compareDates(date, asOf) >= 0) {
    note(findings, ctx, "DOB_FUTURE", "Date of birth is not in the past");
    return;
  }
  const age = ageOn(asOf, date);
  const oldest = { year: asOf.year - maxAge, month: asOf.month, day: asOf.day };
  if (compareDates(date, oldest) < 0) {
    note(findings, ctx, "DOB_TOO_OLD", `Date of birth is over ${maxAge} years ago`);
  } else if (age >= OLD_AGE) {
    const message = `Date of birth is ${age} years ago`;
    report(findings, ctx, { code: "DOB_TOO_OLD", field: "dob", message, isDoubtful: true });
  }
  if (age < minAge) note(findings, ctx, "DOB_UNDER_MIN_AGE", `Lead is under ${minAge}`);
}

function note(findings: Findings, ctx: JudgeContext, code: RuleCode, message: string): void {
  report(findings, ctx, { code, field: "dob", message });
}
