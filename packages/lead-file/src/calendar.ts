/** A day of the Gregorian calendar: month and day count from 1. */
export interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const FEBRUARY = 2;
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const londonFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/London",
  year: "numeric",
  month: "numeric",
  day: "numeric",
});

/** The date in London at an instant: in summer 23:30 UTC is tomorrow already. */
export function londonDateOf(instant: Date): CalendarDate {
  const parts = londonFormat.formatToParts(instant);
  const valueOf = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return { year: valueOf("year"), month: valueOf("month"), day: valueOf("day") };
}

/** Whether the day exists; year 0 does not, and Postgres refuses it too. */
export function isRealDate({ year, month, day }: CalendarDate): boolean {
  if (year < 1) return false;
  const days = DAYS_OF_MONTH[month - 1];
  if (days === undefined) return false;
  return day >= 1 && day <= (month === FEBRUARY && isLeapYear(year) ? 29 : days);
}

/** Negative when `a` is the earlier day. */
export function compareDates(a: CalendarDate, b: CalendarDate): number {
  return a.year - b.year || a.month - b.month || a.day - b.day;
}

/**
 * Completed years. An age is attained at the start of its anniversary; whoever was born on 29
 * February attains it on 1 March in common years.
 */
export function ageOn(asOf: CalendarDate, birth: CalendarDate): number {
  const hasHadBirthday =
    asOf.month > birth.month || (asOf.month === birth.month && asOf.day >= birth.day);
  return asOf.year - birth.year - (hasHadBirthday ? 0 : 1);
}

/** `dd/mm/yyyy`, as the wire writes a date of birth. */
export function formatDayFirst({ year, month, day }: CalendarDate): string {
  return `${twoDigits(day)}/${twoDigits(month)}/${fourDigits(year)}`;
}

/** `yyyy-mm-dd`, as Postgres reads a date. */
export function formatIsoDate({ year, month, day }: CalendarDate): string {
  return `${fourDigits(year)}-${twoDigits(month)}-${twoDigits(day)}`;
}

function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function fourDigits(value: number): string {
  return String(value).padStart(4, "0");
}
