/** Text that may stand in a page as it is. Only {@link html} makes one. */
export interface Html {
  readonly markup: string;
}

type Fragment = string | number | Html | null | readonly Fragment[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A piece of a page. Every value put in is escaped, unless `html` made it; null leaves no trace.
 * Put values between tags or inside quoted attributes only.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  const parts = strings.map((text, index) => text + render(values[index] ?? null));
  return { markup: parts.join("") };
}

function render(value: Fragment): string {
  if (value === null) return "";
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return "markup" in value ? value.markup : value.map(render).join("");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
