import { headers, type MsgHdrs } from "@nats-io/transport-node";

const UTF8 = new TextEncoder();
const LINE_BREAK = /[\r\n]/;

/** One `name: value` line. Throws where the value would begin a line of its own. */
export function headerLine(name: string, value: string): string {
  if (LINE_BREAK.test(value)) throw new Error(`the value of header ${name} holds a line break`);
  return `${name}: ${value}\r\n`;
}

/**
 * Headers from lines of {@link headerLine}. The client's own class checks, maps and joins every
 * value again for every message, which took more time than all else in a publish; here the block
 * is the bytes it would have written.
 */
export function headerBlock(lines: string): MsgHdrs {
  const bytes = UTF8.encode(`NATS/1.0\r\n${lines}\r\n`);
  return Object.assign(headers(), { encode: () => bytes });
}
