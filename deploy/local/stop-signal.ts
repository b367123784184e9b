import { runningChildren } from "./processes.ts";

/** One Ctrl-C arrives two or three times: from the terminal, from npm and from the launcher. */
const SAME_KEYSTROKE_MS = 500;
const EXIT_INTERRUPTED = 130;

/**
 * Aborted at the first SIGINT, SIGTERM or SIGHUP, when the launcher dies, and when nobody reads
 * our output any more. A second Ctrl-C ends everything at once.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const stop = () => {
    if (controller.signal.aborted) return;
    firstAt = performance.now();
    controller.abort();
  };
  const stopOrKill = () => {
    if (controller.signal.aborted && performance.now() - firstAt > SAME_KEYSTROKE_MS) {
      for (const child of runningChildren()) child.signal("SIGKILL");
      process.exit(EXIT_INTERRUPTED);
    }
    stop();
  };
  process.on("SIGINT", stopOrKill).on("SIGTERM", stopOrKill).on("SIGHUP", stop);
  if (process.connected) process.on("disconnect", stop);
  // The reader is gone (`npm start | head`): an unhandled EPIPE would end us without a clean stop.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", stop);
  return controller.signal;
}
