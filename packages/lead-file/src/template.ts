import type { LeadField } from "./lead-file.ts";

const SAMPLE: Readonly<Record<LeadField, string>> = {
  first_name: "Sample",
  last_name: "Row",
  dob: "31/12/1980",
};

/** A CSV to fill in: byte order mark for Excel, CRLF, the three headers, one sample row. */
export const templateCsv: string =
  `\ufefffirst_name,last_name,dob\r\n` +
  `${SAMPLE.first_name},${SAMPLE.last_name},${SAMPLE.dob}\r\n`;

/** Whether a row is the template's own sample, left in by the uploader. */
export function isTemplateSample(firstName: string, lastName: string, dob: string): boolean {
  return (
    firstName.trim() === SAMPLE.first_name &&
    lastName.trim() === SAMPLE.last_name &&
    dob.trim() === SAMPLE.dob
  );
}
