import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";

/** What a receiver does once it has a request whole. It may write, wait or break, but not throw. */
export type Fault = (socket: Socket) => void;

const DRIP_MS = 100;
const GIB = 1_024 ** 3;
const HEADER_FLOOD_BYTES = 64 * 1_024;
/** A thousand times its size, once unpacked. Made at the start, so that no answer waits for it. */
const BOMB = gzipSync(Buffer.alloc(32 * 1_024 * 1_024), { level: 6 });
const YEAR_SECONDS = 365 * 86_400;

/**
 * Everything that receivers have been seen to do, and what a hostile one would. By name; the name is
 * the path of the fault server's URL.
 */
export const faults = {
  ok: answer("200 OK", ["content-length: 2"], "ok"),
  no_content: answer("204 No Content", []),
  slow_down_7: answer("429 Too Many Requests", ["retry-after: 7"]),
  slow_down_date: (socket) => {
    const date = new Date(Date.now() + 7_000).toUTCString();
    answer("429 Too Many Requests", [`retry-after: ${date}`])(socket);
  },
  slow_down_garbage: answer("429 Too Many Requests", ["retry-after: in a while"]),
  slow_down_year: answer("429 Too Many Requests", [`retry-after: ${YEAR_SECONDS}`]),
  unavailable_7: answer("503 Service Unavailable", ["retry-after: 7"]),
  gone: answer("410 Gone", []),
  refused: answer("400 Bad Request", []),
  broken: answer("500 Internal Server Error", []),
  abort_message: answer("400 Bad Request", ["webhook-delivery: abort-message"]),
  disable: answer("400 Bad Request", ["webhook-delivery: disable"]),
  redirect_301_nowhere: answer("301 Moved Permanently", []),
  redirect_302: redirect("302 Found"),
  redirect_307: redirect("307 Temporary Redirect"),
  redirect_308: redirect("308 Permanent Redirect"),

  hang: () => {},
  drip_body: drip("HTTP/1.1 200 OK\r\n\r\n", "."),
  drip_head: drip("HTTP/1.1 200 OK\r\nx-drip: ", "."),
  endless_body: (socket) => flood(socket, "HTTP/1.1 200 OK\r\n\r\n", Infinity),
  huge_body: (socket) => flood(socket, `HTTP/1.1 200 OK\r\ncontent-length: ${GIB}\r\n\r\n`, GIB),
  gzip_bomb: answer("200 OK", ["content-encoding: gzip", `content-length: ${BOMB.length}`], BOMB),
  header_flood: answer("200 OK", [`x-flood: ${"x".repeat(HEADER_FLOOD_BYTES)}`]),
  endless_head: (socket) => flood(socket, "HTTP/1.1 200 OK\r\nx-flood: ", Infinity),
  invalid_utf8: answer("200 OK", ["content-length: 4"], Buffer.from([0x6f, 0xff, 0xfe, 0x6b])),

  not_http: (socket) => socket.end("220 mail.example ESMTP\r\n"),
  hang_up: (socket) => socket.end(),
  reset_at_once: (socket) => socket.resetAndDestroy(),
  reset_in_head: (socket) => breakOff(socket, "HTTP/1.1 200 OK\r\ncontent-"),
  reset_in_body: (socket) => breakOff(socket, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
  close_after: (socket) => socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok"),
  early_hints: (socket) => {
    socket.write("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
    answer("200 OK", ["content-length: 2"], "ok")(socket);
  },
  continue_unasked: (socket) => {
    socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    answer("200 OK", ["content-length: 2"], "ok")(socket);
  },
} satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof faults;

function answer(status: string, headers: readonly string[], body: string | Buffer = ""): Fault {
  const length = headers.some((line) => line.startsWith("content-length"))
    ? []
    : ["content-length: 0"];
  const lines = [`HTTP/1.1 ${status}`, ...headers, ...(status.startsWith("204") ? [] : length)];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  return (socket) => void socket.write(Buffer.concat([head, Buffer.from(body)]));
}

/** To loopback, where a redirect that was followed would find a request. */
function redirect(status: string): Fault {
  return (socket) => answer(status, [`location: http://127.0.0.1:${socket.localPort}/ok`])(socket);
}

/** One byte now and then: no single wait is long, all of them together are. */
function drip(head: string, byte: string): Fault {
  return (socket) => {
    socket.write(head);
    const timer = setInterval(() => socket.write(byte), DRIP_MS);
    socket.on("close", () => clearInterval(timer));
  };
}

/** As fast as it is read, for as long as it is read. */
function flood(socket: Socket, head: string, byteCount: number): void {
  const chunk = Buffer.alloc(65_536, "x");
  let left = byteCount;
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      left -= chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on("drain", more);
  socket.write(head);
  more();
}

function breakOff(socket: Socket, start: string): void {
  // What was written arrives first; then the reset.
  socket.write(start, () => socket.resetAndDestroy());
}
