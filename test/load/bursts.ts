import { print, printRates } from "./report.ts";

/** V8 compiles what is hot in the first tens of thousands of each process. */
const WARM_UP_BURSTS = 4;
const MEASURED_BURSTS = 3;
export const BURSTS = WARM_UP_BURSTS + MEASURED_BURSTS;

/**
 * `burst` returns how many a second it made. The first one, with cold processes, is told apart. Several
 * `processes` that share a burst need as many times more to be as warm as one.
 */
export async function measureBursts(
  name: string,
  bar: string | null,
  burst: () => Promise<number>,
  processes = 1,
): Promise<void> {
  const warmUps = WARM_UP_BURSTS * processes;
  const rates: number[] = [];
  for (let round = 0; round < warmUps + MEASURED_BURSTS; round += 1) rates.push(await burst());
  const warm = rates.slice(warmUps);
  print({ name: `${name}.cold`, value: rates[0] ?? 0, unit: "/s", bar: null });
  printRates(name, warm, bar);
}
