import { findingOf, type Finding } from "./rules/rule.ts";
import type { Ruleset } from "./rules/ruleset.ts";

export interface DuplicateFinder {
  /**
   * Says which earlier row of the file this one repeats. Feed the rows in order: the first of equals
   * is the lead, every later one the duplicate. Without a date of birth nobody is a duplicate.
   */
  readonly check: (rowNumber: number, leadId: string, dobDate: string | null) => Finding | null;
}

interface SeenDate {
  readonly rowNumber: number;
  /** `ddmmyyyy` */
  readonly date: string;
}

const DATE_LENGTH = 8;
/** So many dates of birth under one name are kept for DUP_NEAR; beyond it is a name of thousands. */
const DATES_PER_NAME_MAX = 50;

/** Remembers the rows of one file. One per batch: racing workers would each miss the other's rows. */
export function createDuplicateFinder(ruleset: Ruleset): DuplicateFinder {
  const firstRowOf = new Map<string, number>();
  const datesOf = new Map<string, SeenDate[]>();
  const looksNear = ruleset.levelOf("DUP_NEAR") !== "off";

  function findNear(rowNumber: number, leadId: string): Finding | null {
    const name = leadId.slice(0, -DATE_LENGTH);
    const date = leadId.slice(-DATE_LENGTH);
    const seen = datesOf.get(name) ?? [];
    const near = seen.find((other) => isNear(other.date, date));
    if (seen.length < DATES_PER_NAME_MAX) datesOf.set(name, [...seen, { rowNumber, date }]);
    if (near === undefined) return null;
    const message = `Same name as row ${near.rowNumber}, and nearly the same date of birth`;
    return findingOf(ruleset, { code: "DUP_NEAR", field: "row", message });
  }

  return {
    check(rowNumber, leadId, dobDate) {
      if (dobDate === null) return null;
      const firstRow = firstRowOf.get(leadId);
      if (firstRow === undefined) {
        firstRowOf.set(leadId, rowNumber);
        return looksNear ? findNear(rowNumber, leadId) : null;
      }
      if (firstRow === rowNumber) return null;
      const message = `Same name and date of birth as row ${firstRow}`;
      return findingOf(ruleset, { code: "DUP_IN_FILE", field: "row", message });
    },
  };
}

/** Day and month swapped, or one digit another: how a date goes wrong when it is typed. */
function isNear(a: string, b: string): boolean {
  if (a.slice(2, 4) + a.slice(0, 2) + a.slice(4) === b) return true;
  let differences = 0;
  for (let index = 0; index < DATE_LENGTH; index += 1) {
    if (a[index] !== b[index]) differences += 1;
  }
  return differences === 1;
}
