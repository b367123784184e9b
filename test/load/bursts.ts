import { percentile, print } from "./report.ts";

/** V8 compiles what is hot in the first tens of thousands of each process. */
const WARM_UP_BURSTS = 4;
const MEASURED_BURSTS = 3;
export const BURSTS = WARM_UP_BURSTS + MEASURED_BURSTS;

/** `burst` returns how many a second it made. The first one, with a cold process, is told apart. */
export async function measureBursts(
  name: string,
  bar: string | null,
  burst: () => Promise<number>,
): Promise<void> {
  const rates: number[] = [];
  for (let round = 0; round < BURSTS; round += 1) rates.push(await burst());
  const warm = rates.slice(WARM_UP_BURSTS);
  print({ name: `${name}.cold`, value: rates[0] ?? 0, unit: "/s", bar: null });
  print({ name: `${name}.min`, value: Math.min(...warm), unit: "/s", bar });
  print({ name: `${name}.median`, value: percentile(warm, 0.5), unit: "/s", bar });
  print({ name: `${name}.best`, value: Math.max(...warm), unit: "/s", bar });
}
