import type { Socket } from "node:net";

/** How long it took to open a connection, step by step; null for a step that never ended. */
export interface ConnectionTimings {
  /** Null as well for an address written into the URL. */
  readonly dnsMs: number | null;
  /** Through a proxy: to the proxy, and by it to the receiver. */
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
}

const timingsOf = new WeakMap<WeakKey, ConnectionTimings>();

/** Begins to time a connection. `now` is in milliseconds. */
export function startTimings(now: () => number) {
  const timings: { -readonly [Step in keyof ConnectionTimings]: ConnectionTimings[Step] } = {
    dnsMs: null,
    connectMs: null,
    tlsMs: null,
  };
  let lastMs = now();
  return {
    ended(step: keyof ConnectionTimings): void {
      const before = lastMs;
      lastMs = now();
      timings[step] = lastMs - before;
    },
    /** For {@link takeTimings}: the open socket, or the error of one that never opened. */
    keepFor: (socketOrError: WeakKey) => void timingsOf.set(socketOrError, timings),
  };
}

/** Watches a socket that has just begun to connect. */
export function watchConnecting(socket: Socket, now: () => number): void {
  const timings = startTimings(now);
  timings.keepFor(socket);
  // Prepended: whoever waits for the connection runs after we have looked at the clock.
  socket.prependOnceListener("lookup", () => timings.ended("dnsMs"));
  socket.prependOnceListener("connect", () => timings.ended("connectMs"));
  socket.prependOnceListener("secureConnect", () => timings.ended("tlsMs"));
  // An attempt that gets no connection knows the error alone.
  socket.prependOnceListener("error", (error) => timings.keepFor(error));
}

/** The timings of the first request on a connection, or of one that never came about. */
export function takeTimings(socketOrError: WeakKey): ConnectionTimings | undefined {
  const timings = timingsOf.get(socketOrError);
  timingsOf.delete(socketOrError);
  return timings;
}
