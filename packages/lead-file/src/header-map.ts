import type { HeaderMap, LeadField } from "./lead-file.ts";

export const LEAD_FIELDS: readonly LeadField[] = ["first_name", "last_name", "dob"];

/** Names a column may have, after `normaliseHeader`; a Map, so `__proto__` means nothing. */
const FIELD_OF_ALIAS: ReadonlyMap<string, LeadField> = new Map<string, LeadField>([
  ["firstname", "first_name"],
  ["first", "first_name"],
  ["forename", "first_name"],
  ["forenames", "first_name"],
  ["fname", "first_name"],
  ["givenname", "first_name"],
  ["givennames", "first_name"],
  ["christianname", "first_name"],
  ["lastname", "last_name"],
  ["last", "last_name"],
  ["surname", "last_name"],
  ["lname", "last_name"],
  ["familyname", "last_name"],
  ["dob", "dob"],
  ["dateofbirth", "dob"],
  ["birthdate", "dob"],
  ["birthday", "dob"],
  ["dobddmmyyyy", "dob"],
  ["dateofbirthddmmyyyy", "dob"],
]);

const FULL_NAME_ALIASES: ReadonlySet<string> = new Set(["name", "fullname"]);

/** Shown when a column is missing: the aliases as people write them. */
export const ACCEPTED_NAMES: Readonly<Record<LeadField, string>> = {
  first_name: "first_name, first name, forename, given name, fname",
  last_name: "last_name, last name, surname, family name, lname",
  dob: "dob, date of birth, birth date, birthday",
};

export interface HeaderReading {
  /** For each field the columns that mean it, by index. */
  readonly columnsOf: Readonly<Record<LeadField, readonly number[]>>;
  readonly hasFullName: boolean;
}

/** Which field of a lead a header cell means; `undefined` when none. */
export function fieldOfHeader(cell: string): LeadField | undefined {
  return FIELD_OF_ALIAS.get(normaliseHeader(cell));
}

/** Looks every cell up exactly: nothing is guessed, and a full name is never split. */
export function readHeader(cells: readonly string[]): HeaderReading {
  const columnsOf: Record<LeadField, number[]> = { first_name: [], last_name: [], dob: [] };
  let hasFullName = false;
  for (const [index, cell] of cells.entries()) {
    const name = normaliseHeader(cell);
    const field = FIELD_OF_ALIAS.get(name);
    if (field !== undefined) columnsOf[field].push(index);
    hasFullName ||= FULL_NAME_ALIASES.has(name);
  }
  return { columnsOf, hasFullName };
}

/** How many of the three fields the header names. */
export function mappedFieldCount({ columnsOf }: HeaderReading): number {
  return LEAD_FIELDS.filter((field) => columnsOf[field].length > 0).length;
}

/** The map, when each field has exactly one column. */
export function headerMapOf({ columnsOf }: HeaderReading): HeaderMap | null {
  const [firstName, ...moreFirst] = columnsOf.first_name;
  const [lastName, ...moreLast] = columnsOf.last_name;
  const [dob, ...moreDob] = columnsOf.dob;
  if (firstName === undefined || lastName === undefined || dob === undefined) return null;
  if (moreFirst.length + moreLast.length + moreDob.length > 0) return null;
  return { first_name: firstName, last_name: lastName, dob };
}

function normaliseHeader(cell: string): string {
  return cell
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "");
}
