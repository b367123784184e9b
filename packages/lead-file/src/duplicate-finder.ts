import type { Finding } from "./rules/rule.ts";

export interface DuplicateFinder {
  /**
   * Says which earlier row of the file this one repeats. Feed the rows in order: the first of equals
   * is the lead, every later one the duplicate. Without a date of birth nobody is a duplicate.
   */
  readonly check: (rowNumber: number, leadId: string, dobDate: string | null) => Finding | null;
}

/** Remembers the rows of one file. One per batch: racing workers would each miss the other's rows. */
export function createDuplicateFinder(): DuplicateFinder {
  const firstRowOf = new Map<string, number>();
  return {
    check(rowNumber, leadId, dobDate) {
      if (dobDate === null) return null;
      const firstRow = firstRowOf.get(leadId);
      if (firstRow === undefined) {
        firstRowOf.set(leadId, rowNumber);
        return null;
      }
      if (firstRow === rowNumber) return null;
      const message = `Same name and date of birth as row ${firstRow}`;
      return { code: "DUP_IN_FILE", field: "row", message };
    },
  };
}
