const DATE = /\d{8}$/;

/** The id of a row with the same name whose date of birth could not be read. Maybe the same person. */
export function sameNameWithoutDate(leadId: string): string {
  return leadId.replace(DATE, "00000000");
}
