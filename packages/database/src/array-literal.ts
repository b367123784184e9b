/**
 * A Postgres array of uuids, numbers, instants or words of ours, as one parameter. The driver would
 * quote and escape each element, which for thousands of rows takes longer than the statement.
 * Never for text from outside: a comma, a brace or a quote in it would not stay one element.
 */
export function arrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? "NULL").join(",")}}`;
}
