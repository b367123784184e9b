const DELAY_FIRST_MS = 250;
const DELAY_MAX_MS = 5_000;

/** Doubles from 250 ms to 5 s, with up to a quarter more, so that a herd spreads. */
export function retryDelayMs(attempts: number, random: number): number {
  const delayMs = Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** (attempts - 1));
  return Math.round(delayMs * (1 + random / 4));
}
