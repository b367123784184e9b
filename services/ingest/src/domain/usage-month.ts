export interface UsageMonthSpan {
  readonly from: Date;
  /** The first instant that is no longer in it. */
  readonly until: Date;
}

/** A calendar month of UTC, given as `2026-11`. */
export function spanOfMonth(month: string): UsageMonthSpan {
  const [year = 0, number = 0] = month.split("-").map(Number);
  return { from: new Date(Date.UTC(year, number - 1)), until: new Date(Date.UTC(year, number)) };
}

export function monthOf(instant: Date): string {
  return instant.toISOString().slice(0, "2026-11".length);
}
