/** As many for a short name as for a long one: its length tells too. */
const MASK = "•••";

/** The first letter alone: enough to tell two rows apart, too little to learn a name. */
export function maskName(name: string): string {
  const [first = ""] = name;
  return first === "" ? "" : first + MASK;
}

/** The year alone, of `yyyy-mm-dd`; null where no date could be read. */
export function maskDob(dobDate: string | null): string | null {
  return dobDate === null ? null : `••/••/${dobDate.slice(0, 4)}`;
}
