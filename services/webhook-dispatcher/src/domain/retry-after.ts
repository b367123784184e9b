const SECONDS = /^\d{1,12}$/;
/** The three forms of HTTP-date (RFC 9110, 5.6.7); the last one names no zone and means GMT. */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** Nobody gets us to forget a webhook by asking for a year. */
const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

/**
 * How long an answer's `Retry-After` asks us to wait, from `now` on: both forms, 24 hours at most,
 * 0 for a date that has passed. Null where it is missing or no such value.
 */
export function retryAfterMs(value: string | undefined, now: Date): number | null {
  const text = value?.trim() ?? "";
  const waitMs = SECONDS.test(text) ? Number(text) * 1_000 : dateOf(text) - now.getTime();
  return Number.isNaN(waitMs) ? null : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, waitMs));
}

function dateOf(text: string): number {
  if (ASCTIME.test(text)) return Date.parse(`${text} GMT`);
  return IMF_FIXDATE.test(text) || RFC_850.test(text) ? Date.parse(text) : Number.NaN;
}
