import { mkdir } from "node:fs/promises";

import { describeFailure } from "./checkout.ts";
import { startLocalStack } from "./local-stack.ts";
import { formatLogLine, levelOf } from "./log-line.ts";
import { runningChildren } from "./processes.ts";
import { keepSecrets } from "./secrets.ts";
import { readStartOptions, type StartOptions, USAGE } from "./start-options.ts";
import { stopSignal } from "./stop-signal.ts";
import { credentialsOf, welcome } from "./welcome.ts";

const colours = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const say = (line: string) => console.log(line);

function showLine(name: string, line: string): void {
  // The servers' own news are for their developers; what stops them is shown with the failure.
  if (name === "nats" && !/\[(WRN|ERR|FTL)\]/.test(line)) return;
  if (name === "postgres" && !/^(WARNING|PANIC)/.test(line)) return;
  console.log(formatLogLine(name, line, { colours }));
}

/** In the demo only what went wrong: its own lines tell the story. */
function showTrouble(name: string, line: string): void {
  if (name === "nats" || name === "postgres" || levelOf(line) !== "info") showLine(name, line);
}

async function run(options: StartOptions, signal: AbortSignal): Promise<void> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o711 });
  const kept = await keepSecrets(options.dataDir);
  await using cleanup = new AsyncDisposableStack();
  const env = { ...process.env, ...credentialsOf(process.env, kept) };
  const stack = await startLocalStack({ ...options, env, say, onLine: showLine, signal }, cleanup);
  for (const line of welcome(stack.url, process.env, kept)) say(line);

  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined));
  });
  const reason = signal.aborted ? undefined : await Promise.race([stopped, stack.broken]);
  if (reason !== undefined) throw reason;
  say("Stopping ...");
}

/** Whatever a failed or given-up start did not put away itself. */
async function endRemaining(): Promise<void> {
  await Promise.all(
    runningChildren().map((child) => child.stop({ signal: "SIGINT", waitMs: 5_000 })),
  );
}

async function main(): Promise<number> {
  const signal = stopSignal();
  try {
    const options = readStartOptions(process.argv.slice(2), process.env);
    if (options.help) say(USAGE);
    else if (options.demo) {
      // Loaded only here: it needs the tests' receiver, which a plain start does not.
      const { runDemo } = await import("./demo.ts");
      await runDemo({ say, onLine: showTrouble, signal });
    } else await run(options, signal);
    return 0;
  } catch (error) {
    // A start given up on request is a clean stop.
    if (signal.aborted && error === signal.reason) return 0;
    process.stderr.write(`${describeFailure(error)}\n`);
    return 1;
  } finally {
    await endRemaining();
  }
}

process.exit(await main());
