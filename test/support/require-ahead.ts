/**
 * After loading, and before measuring: rows that came in behind their instant would be reported as
 * late. `startMs`: when the first of them is due, in milliseconds since 1970.
 */
export function requireAhead(startMs: number, nowMs = Date.now()): void {
  const overMs = nowMs - startMs;
  if (overMs <= 0) return;
  throw new Error(`loading ended ${overMs} ms after the first row was due: nothing was measured`);
}
