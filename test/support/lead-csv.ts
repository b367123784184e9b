/**
 * Every name in these tests begins with one of these. They are nobody's, and one look at a log tells
 * whether personal data reached it. A batch id cannot hold them: it has no i, l, o or u.
 */
export const CANARY_NAMES = ["Zelk", "Vloren"] as const;

const [FIRST_STEM, LAST_STEM] = CANARY_NAMES;
const SYLLABLES = ["ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su"] as const;
const HEADER = "first_name,last_name,dob";

export interface LeadCsvCounts {
  readonly valid: number;
  /** Rows with a date that does not exist: announced and notified as invalid. */
  readonly invalid?: number;
  /** Rows with too few cells: in the results alone. */
  readonly unparseable?: number;
  /** Where to begin: other people than in a file that ended before. Default 0. */
  readonly from?: number;
}

/** A file of distinct leads, always the same for the same counts, the three kinds mixed. */
export function leadCsv({ valid, invalid = 0, unparseable = 0, from = 0 }: LeadCsvCounts): string {
  const left = { valid, invalid, unparseable };
  const lines = [HEADER];
  for (let index = from; left.valid + left.invalid + left.unparseable > 0; index += 1) {
    if (left.unparseable > 0 && index % 3 === 2) {
      left.unparseable -= 1;
      lines.push(`${FIRST_STEM}${syllables(index)}`);
    } else if (left.invalid > 0 && (index % 3 === 1 || left.valid === 0)) {
      left.invalid -= 1;
      lines.push(`${nameOf(index)},31/02/1990`);
    } else if (left.valid > 0) {
      left.valid -= 1;
      lines.push(leadLine(index));
    }
  }
  return `${lines.join("\n")}\n`;
}

/** One valid line. Distinct for distinct indexes below 280,000. */
export function leadLine(index: number): string {
  return `${nameOf(index)},${dobOf(index)}`;
}

/** 10,000 different pairs; the date of birth tells the next ten thousand apart. */
function nameOf(index: number): string {
  const first = FIRST_STEM + syllables(index);
  const last = LAST_STEM + syllables(Math.floor(index / 100));
  return `${first},${last}`;
}

function syllables(index: number): string {
  return (SYLLABLES[index % 10] ?? "") + (SYLLABLES[Math.floor(index / 10) % 10] ?? "");
}

function dobOf(index: number): string {
  const day = 1 + ((index + Math.floor(index / 10_000)) % 28);
  const month = 1 + (index % 12);
  const year = 1950 + (index % 50);
  return `${String(day).padStart(2, "0")}/${String(month).padStart(2, "0")}/${year}`;
}
