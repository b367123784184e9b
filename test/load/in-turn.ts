import { percentile, printRates } from "./report.ts";

/** One of several that do the same work. */
export interface Contender {
  readonly name: string;
  readonly bar: string | null;
  /** Returns how many a second it made. */
  readonly burst: () => Promise<number>;
}

/** V8 compiles what is hot in the first tens of thousands of each process; two share a burst. */
const WARM_UP_ROUNDS = 8;
const MEASURED_ROUNDS = 7;

/**
 * A burst of each in every round, each round beginning with another one, so that none is measured
 * in a better hour than the rest, nor always after the same one. Returns the measured rounds of each.
 */
export async function measureInTurn(
  contenders: readonly Contender[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < WARM_UP_ROUNDS + MEASURED_ROUNDS; round += 1) {
    const first = round % contenders.length;
    for (const { name, burst } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const rate = await burst();
      if (round >= WARM_UP_ROUNDS) rates.get(name)?.push(rate);
    }
  }
  for (const { name, bar } of contenders) printRates(name, rates.get(name) ?? [], bar);
  return rates;
}

/** How much faster one was than another, round by round: what the machine's speed does not touch. */
export function ratioOf(rates: readonly number[], others: readonly number[]): number {
  return percentile(
    rates.map((rate, round) => rate / (others[round] ?? Number.NaN)),
    0.5,
  );
}
