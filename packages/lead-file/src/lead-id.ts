import anyAscii from "any-ascii";

/** Version of the rule below. It is stored beside every id, and an id is never computed again. */
export const SLUG_VERSION = 1;

/** The shape of every lead id. */
export const LEAD_ID_PATTERN: RegExp = /^[a-z0-9-]+\.[a-z0-9-]+\.\d{8}$/;

const PART_LENGTH_MAX = 100;
const ASCII_LETTERS = /^[A-Za-z]{1,100}$/;
const ASCII_WORDS = /^[A-Za-z]+(?:[ -][A-Za-z]+)*$/;
const NON_ASCII = /[^\p{ASCII}]/u;
const NO_DATE = "00000000";

/**
 * `first.last.ddmmyyyy`, in ASCII. A label for people, never a key: it is not unique, and Han
 * characters are read as Mandarin. It is personal data: never in a URL, a log or a subject.
 *
 * @param dobDate `yyyy-mm-dd`, or `null` when no real date could be read
 */
export function leadIdOf(firstName: string, lastName: string, dobDate: string | null): string {
  const date =
    dobDate === null ? NO_DATE : dobDate.slice(8, 10) + dobDate.slice(5, 7) + dobDate.slice(0, 4);
  return `${partOf(firstName)}.${partOf(lastName)}.${date}`;
}

function partOf(name: string): string {
  const ascii = NON_ASCII.test(name) ? anyAscii(name.normalize("NFKC")) : name;
  // Most names are plain letters, for which the long way gives the same more slowly.
  if (ASCII_LETTERS.test(ascii)) return ascii.toLowerCase();
  if (ascii.length <= PART_LENGTH_MAX && ASCII_WORDS.test(ascii)) {
    return ascii.toLowerCase().replaceAll(" ", "-");
  }
  const slug = ascii
    .toLowerCase()
    .replaceAll(/['’`"]/g, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, PART_LENGTH_MAX);
  return slug === "" ? "unknown" : slug;
}
