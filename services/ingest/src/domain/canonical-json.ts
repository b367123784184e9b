/** JSON in which the same values give the same text, in whatever order an object names them. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isPlainObject(part) ? Object.fromEntries(Object.entries(part).toSorted(byName)) : part,
  );
}

function isPlainObject(part: unknown): part is object {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
