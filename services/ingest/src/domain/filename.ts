const LENGTH_MAX = 255;
/** Also the marks that turn writing around: they could make `fdp.exe` read as `exe.pdf`. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The client's file name as we keep it: for people to recognise, never used as a path or key. */
export function cleanFilename(given: string | undefined): string {
  const visible = (given ?? "").replace(INVISIBLE, "").trim();
  // By code points, so that no character is cut in half.
  const cleaned = Array.from(visible).slice(0, LENGTH_MAX).join("");
  return cleaned === "" ? "upload.csv" : cleaned;
}
