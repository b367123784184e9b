/** An hour of `scheduling.due`: one partition. */
export interface Leaf {
  /** Schema-qualified. */
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

const HOUR_MS = 3_600_000;
const LEAF_NAME = /due_(\d{4})(\d{2})(\d{2})(\d{2})$/;

/** The leaf that holds this instant, in milliseconds since 1970. */
export function leafOf(instantMs: number): Leaf {
  const from = new Date(Math.floor(instantMs / HOUR_MS) * HOUR_MS);
  const digits = from.toISOString().slice(0, 13).replaceAll(/\D/g, "");
  return {
    name: `scheduling.due_${digits}`,
    from,
    to: new Date(from.getTime() + HOUR_MS),
  };
}

/** The leaf of a table's name, or undefined for a table that is none. */
export function leafOfName(name: string): Leaf | undefined {
  const [, year, month, day, hour] = LEAF_NAME.exec(name) ?? [];
  if (year === undefined) return undefined;
  return leafOf(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour)));
}

/** The leaves of all hours that touch [fromMs, toMs], oldest first. */
export function leavesBetween(fromMs: number, toMs: number): readonly Leaf[] {
  const leaves: Leaf[] = [];
  for (let leaf = leafOf(fromMs); leaf.from.getTime() <= toMs; leaf = leafOf(leaf.to.getTime())) {
    leaves.push(leaf);
  }
  return leaves;
}
