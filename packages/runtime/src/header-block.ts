import { headers, type MsgHdrs } from "@nats-io/transport-node";

const LINE_BREAK = /[\r\n]/;

/** One `name: value` line. Throws where the value would begin a line of its own. */
export function headerLine(name: string, value: string): string {
  if (LINE_BREAK.test(value)) throw new Error(`the value of header ${name} holds a line break`);
  return `${name}: ${value}\r\n`;
}

/**
 * Headers from lines of {@link headerLine}, in what `encode` makes of them. The client's own class
 * checks, maps and joins every value again for every message, which took more time than all else in
 * a publish; here the block is the bytes it would have written. The client asks for them before its
 * `publish` returns, so one object does for all messages: it holds those of the last call.
 */
export function createHeaderBlock(encode: (text: string) => Uint8Array) {
  let bytes = encode("");
  const block = Object.assign(headers(), { encode: () => bytes });
  return function headerBlock(lines: string): MsgHdrs {
    bytes = encode(`NATS/1.0\r\n${lines}\r\n`);
    return block;
  };
}
