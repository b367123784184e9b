/** One partition of a table of ours: a stretch of time. */
export interface Leaf {
  /** Schema-qualified. */
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

/** How a table is cut: leaves begin at whole multiples of the width, in UTC. */
export interface LeafGrid {
  /** Schema-qualified. */
  readonly parent: string;
  readonly widthMs: number;
  /** Digits of `yyyymmddhhmm` in a leaf's name; they tell the grids of one parent apart. */
  readonly digits: number;
}

const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const DUE_HOURS: LeafGrid = { parent: "scheduling.due", widthMs: HOUR_MS, digits: 10 };
export const DUE_DAYS: LeafGrid = { parent: "scheduling.due", widthMs: DAY_MS, digits: 8 };
export const LEDGER: LeafGrid = {
  parent: "scheduling.emitted",
  widthMs: 10 * MINUTE_MS,
  digits: 12,
};
export const MARKS: LeafGrid = {
  parent: "scheduling.publish_mark",
  widthMs: HOUR_MS,
  digits: 10,
};

/** The leaf of this grid that holds this instant, in milliseconds since 1970. */
export function leafOf(grid: LeafGrid, instantMs: number): Leaf {
  const from = new Date(Math.floor(instantMs / grid.widthMs) * grid.widthMs);
  const digits = from.toISOString().replaceAll(/\D/g, "").slice(0, grid.digits);
  return {
    name: `${grid.parent}_${digits}`,
    from,
    to: new Date(from.getTime() + grid.widthMs),
  };
}

/** The leaf of a table's name, schema or not, or undefined for a table that is none of the grid. */
export function leafOfName(grid: LeafGrid, name: string): Leaf | undefined {
  const digits = /_(\d+)$/.exec(name)?.[1];
  if (digits === undefined || digits.length !== grid.digits) return undefined;
  const [year, month, day, hour, minute] = [
    digits.slice(0, 4),
    digits.slice(4, 6),
    digits.slice(6, 8),
    digits.slice(8, 10),
    digits.slice(10, 12),
  ].map(Number);
  return leafOf(grid, Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute));
}

/** The grid's leaves that touch [fromMs, toMs], oldest first. */
export function leavesBetween(grid: LeafGrid, fromMs: number, toMs: number): readonly Leaf[] {
  const leaves: Leaf[] = [];
  let leaf = leafOf(grid, fromMs);
  while (leaf.from.getTime() <= toMs) {
    leaves.push(leaf);
    leaf = leafOf(grid, leaf.to.getTime());
  }
  return leaves;
}
