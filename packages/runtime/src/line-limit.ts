/** More causes than are ever about at a time; beyond, all are forgotten and begin anew. */
const KEYS_MAX = 1_000;

/**
 * Lets one line of a kind through every `everyMs`. Returns how many of its kind were left out since
 * the last one, or null for a line that is to be left out.
 */
export function createLineLimit(everyMs: number, now: () => number) {
  const kinds = new Map<string, { readonly atMs: number; leftOut: number }>();
  return function pass(kind: string): number | null {
    const nowMs = now();
    const last = kinds.get(kind);
    if (last !== undefined && nowMs - last.atMs < everyMs) {
      last.leftOut += 1;
      return null;
    }
    if (last === undefined && kinds.size >= KEYS_MAX) kinds.clear();
    kinds.set(kind, { atMs: nowMs, leftOut: 0 });
    return last?.leftOut ?? 0;
  };
}
