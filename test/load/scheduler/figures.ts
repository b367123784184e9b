import { setTimeout as pause } from "node:timers/promises";

import { type Figure, type LatenessBars, print, printLateness } from "../report.ts";
import type { Emitted } from "./stream-watch.ts";

/** How late the events are in the stream, and that none is early or double. */
export function printEmissions(name: string, events: readonly Emitted[], bars: LatenessBars): void {
  const late = events.map(({ lateMs }) => lateMs);
  printLateness(`${name}.lateness`, late, bars);
  const early = late.filter((ms) => ms < 0).length;
  print({ name: `${name}.early`, value: early, unit: "events", bar: "0" });
  const doubles = events.length - new Set(events.map(({ id }) => id)).size;
  print({ name: `${name}.doubles`, value: doubles, unit: "events", bar: "0" });
}

export function printCount(name: string, value: number, unit: string, bar: string | null): void {
  const figure: Figure = { name, value, unit, bar };
  print(figure);
}

/** Sleeps until this instant, in milliseconds since 1970. */
export async function until(atMs: number): Promise<void> {
  const waitMs = atMs - Date.now();
  if (waitMs > 0) await pause(waitMs);
}

/** Waits until as many messages are there; throws after the deadline. */
export async function untilCount(
  count: () => Promise<number>,
  wanted: number,
  deadlineMs: number,
): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while ((await count()) < wanted) {
    if (Date.now() > endMs) throw new Error(`${await count()} of ${wanted} events in the stream`);
    await pause(50);
  }
}
