/**
 * A Postgres array of uuids, numbers, instants or words of ours, as one parameter. The driver would
 * quote and escape each element, which for thousands of rows takes longer than the statement.
 * Never for text from outside: a comma, a brace or a quote in it would not stay one element.
 */
export function arrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? "NULL").join(",")}}`;
}

/** What JSON writes as an escape of its own, and Postgres would read as a letter. */
const CONTROL = /[^ -\uFFFF]/;

/**
 * The same for text from outside. Between quotes Postgres wants a backslash before a quote and
 * before a backslash, which is what JSON writes, and the engine's own JSON is several times as
 * fast as the driver's quoting. A lone surrogate half, which UTF-8
 * cannot say, becomes U+FFFD. A NUL must not be in it.
 */
export function textArrayLiteral(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? "NULL" : quoted(value))).join(",")}}`;
}

function quoted(value: string): string {
  if (!CONTROL.test(value) && value.isWellFormed()) return JSON.stringify(value);
  return `"${value.toWellFormed().replaceAll(/["\\]/g, "\\$&")}"`;
}
