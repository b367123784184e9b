import type { Socket } from "node:net";

/** How long it took to open a connection, step by step; null for a step that never ended. */
export interface ConnectionTimings {
  /** Null as well for an address written into the URL. */
  readonly dnsMs: number | null;
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
}

const timingsOf = new WeakMap<WeakKey, ConnectionTimings>();

/** Watches a socket that has just begun to connect. `now` is in milliseconds. */
export function watchConnecting(socket: Socket, now: () => number): void {
  const timings: { -readonly [Step in keyof ConnectionTimings]: ConnectionTimings[Step] } = {
    dnsMs: null,
    connectMs: null,
    tlsMs: null,
  };
  timingsOf.set(socket, timings);
  let lastMs = now();
  const step = () => {
    const before = lastMs;
    lastMs = now();
    return lastMs - before;
  };
  // Prepended: whoever waits for the connection runs after we have looked at the clock.
  socket.prependOnceListener("lookup", () => (timings.dnsMs = step()));
  socket.prependOnceListener("connect", () => (timings.connectMs = step()));
  socket.prependOnceListener("secureConnect", () => (timings.tlsMs = step()));
  // An attempt that gets no connection knows the error alone.
  socket.prependOnceListener("error", (error) => timingsOf.set(error, timings));
}

/** The timings of the first request on a connection, or of one that never came about. */
export function takeTimings(socketOrError: WeakKey): ConnectionTimings | undefined {
  const timings = timingsOf.get(socketOrError);
  timingsOf.delete(socketOrError);
  return timings;
}
