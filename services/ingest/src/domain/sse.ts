/** One message of a text/event-stream. JSON has no raw newline, so one `data:` line holds it. */
export function formatEvent(event: string, id: number, body: object): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(body)}\n\n`;
}

/** How long a browser waits before it connects again. */
export function formatRetry(delayMs: number): string {
  return `retry: ${delayMs}\n\n`;
}

/** A comment: it keeps proxies from ending a silent connection, and clients ignore it. */
export const PING = ": ping\n\n";

/** The id after the one a client saw last, so that ids increase across reconnections too. */
export function nextEventId(lastEventId: string | undefined): number {
  const seen = /^\d{1,15}$/.test(lastEventId ?? "") ? Number(lastEventId) : 0;
  return seen + 1;
}
