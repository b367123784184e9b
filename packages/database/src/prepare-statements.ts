import type { Pool } from "pg";

/** A server keeps a plan per name and connection. Further texts are parsed and planned each time. */
const NAMES_MAX = 100;

/**
 * Gives every statement with parameters a name by its text, so that each connection parses and
 * plans it once. The text must be the same for every call: a list of values travels as one array.
 */
export function prepareStatements(pool: Pool): void {
  const names = new Map<string, string>();

  function nameOf(text: string): string | undefined {
    const known = names.get(text);
    if (known !== undefined || names.size >= NAMES_MAX) return known;
    const name = `valify_${names.size}`;
    names.set(text, name);
    return name;
  }

  pool.on("connect", (client) => {
    const original: unknown = Reflect.get(client, "query");
    if (typeof original !== "function") throw new Error("a client of pg has a query method");
    // The query builder knows no names, and the pool makes its clients itself.
    Object.assign(client, {
      query: (text: unknown, values: unknown, ...rest: readonly unknown[]): unknown => {
        const isNamed = typeof text === "string" && Array.isArray(values) && values.length > 0;
        const name = isNamed ? nameOf(text) : undefined;
        const args =
          name === undefined ? [text, values, ...rest] : [{ name, text, values }, ...rest];
        return Reflect.apply(original, client, args);
      },
    });
  });
}
