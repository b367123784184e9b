import { parseArgs } from "node:util";

import { percentile, print, printMachine } from "../load/report.ts";
import { serverVersions } from "../load/server-versions.ts";
import { type CrashResult, runCrash } from "./crash-run.ts";
import { runDispatcherKills } from "./dispatcher-kills.ts";

const USAGE =
  "usage: npm run crash -- [--rows 1000000] [--kills 110] [--rate 3500] [--seed 1] | dispatcher";

/** `npm run crash`: a million wake-ups, a hundred kills, and the books afterwards; exit 1 if wrong. */
async function main(): Promise<number> {
  const plan = readPlan();
  if (plan === undefined) {
    console.error(USAGE);
    return 1;
  }
  printMachine(await serverVersions());
  console.log(JSON.stringify({ name: "crash.plan", ...plan }));
  const result = await runCrash(plan, (victim, number) => {
    if (number % 10 === 0) console.error(`${number} kills, the last of ${victim}`);
  });
  return printVerdict(result, plan.wakeUps);
}

function readPlan() {
  const options = {
    rows: { type: "string", default: "1000000" },
    kills: { type: "string", default: "110" },
    rate: { type: "string", default: "3500" },
    seed: { type: "string", default: "1" },
  } as const;
  try {
    const { values } = parseArgs({ options });
    const [wakeUps, kills, perSecond, seed] = [
      values.rows,
      values.kills,
      values.rate,
      values.seed,
    ].map(Number);
    if (wakeUps === undefined || kills === undefined) return undefined;
    if (perSecond === undefined || seed === undefined) return undefined;
    if (![wakeUps, kills, perSecond].every((value) => Number.isInteger(value) && value > 0)) {
      return undefined;
    }
    // The kills are over a little before the last wake-up is due. A restart takes its time as well.
    const windowMs = (wakeUps / perSecond) * 1_000;
    const pauseMs = Math.max(200, windowMs / kills - RESTART_MS);
    return {
      wakeUps,
      kills,
      perSecond,
      seed,
      pauseMs,
      replicas: 3,
      durable: true,
      messageEvery: 20,
      drainMs: 300_000,
    };
  } catch {
    return undefined;
  }
}

/** What a restart takes on two cores, in the mean. */
const RESTART_MS = 2_000;

function printVerdict(result: CrashResult, wakeUps: number): number {
  const { kills } = result;
  const total = kills.scheduler + kills.postgres + kills.nats;
  const books = [
    ["crash.scheduled", wakeUps, null],
    ["crash.emitted", result.emitted, String(wakeUps)],
    ["crash.missing", result.missing, "0"],
    ["crash.doubled", result.doubled, "0"],
    ["crash.unknown", result.unknown, "0"],
    ["crash.early", result.early, "0"],
    ["crash.pending", result.pending, "0"],
    ["crash.dead_letters", result.deadLetters, "0"],
  ] as const;
  for (const [name, value, bar] of books) printCount(name, value, bar);
  printCount("crash.kills", total, ">= 100");
  printCount("crash.kills.while_pending", kills.atWork, null);
  printCount("crash.kills.scheduler", kills.scheduler, null);
  printCount("crash.kills.postgres", kills.postgres, null);
  printCount("crash.kills.nats", kills.nats, null);
  for (const [name, share] of [
    ["p50", 0.5],
    ["p99", 0.99],
    ["max", 1],
  ] as const) {
    const value = percentile(result.latenessMs, share);
    print({ name: `crash.lateness.${name}`, value, unit: "ms", bar: null });
  }
  print({ name: "crash.duration", value: result.seconds, unit: "s", bar: null });
  const isGood = books.every(([, value, bar]) => bar === null || value === Number(bar));
  console.log(JSON.stringify({ name: "crash.verdict", value: isGood ? "good" : "NOT GOOD" }));
  return isGood ? 0 : 1;
}

/** Whole: a book that is rounded is no book. */
function printCount(name: string, value: number, bar: string | null): void {
  console.log(JSON.stringify({ name, value, unit: "count", bar }));
}

/** `npm run crash -- dispatcher`: 10,000 webhooks and twenty kills; exit 1 if the books are wrong. */
async function dispatcherMain(): Promise<number> {
  printMachine(await serverVersions());
  const { repeats, inFlight, refusedBySvix } = await runDispatcherKills({
    leads: 10_000,
    kills: 20,
    durable: true,
  });
  printCount("crash.dispatcher.kills", 20, ">= 20");
  printCount("crash.dispatcher.repeats", repeats, `<= ${inFlight} under way at the kills`);
  printCount("crash.dispatcher.refused_by_svix", refusedBySvix, "0");
  return repeats <= inFlight && refusedBySvix === 0 ? 0 : 1;
}

/** A failure on the way out hides the one that led there: the first of them first. */
function describe(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${describe(error.suppressed)}\nand then ${describe(error.error)}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  process.exit(await (process.argv[2] === "dispatcher" ? dispatcherMain() : main()));
} catch (error) {
  console.error(describe(error));
  process.exit(1);
}
