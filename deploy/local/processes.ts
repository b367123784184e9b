import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import { guardProcess, releaseProcess } from "./guard.ts";

/** How a process ended: one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Runs as this user; only root may ask for it. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Standard input; without it there is none. */
  readonly input?: string | undefined;
  readonly onLine?: ((line: string, stream: "stdout" | "stderr") => void) | undefined;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended and its output is read. Never rejects. */
  readonly exited: Promise<Exit>;
  isRunning(): boolean;
  /** The last lines of output, oldest first. */
  lastLines(): readonly string[];
  signal(signal: NodeJS.Signals): void;
  /** Sends the signals one after the other, each after the wait of the one before, then SIGKILL. */
  stop(...steps: readonly StopStep[]): Promise<Exit>;
}

export interface StopStep {
  readonly signal: NodeJS.Signals;
  readonly waitMs: number;
}

const running = new Set<Child>();

/** Every process that was started here and has not ended. */
export function runningChildren(): readonly Child[] {
  return [...running];
}

const LAST_LINES = 20;
/** A grandchild may hold the output open after its parent's death; nobody waits longer for it. */
const OUTPUT_WAIT_MS = 1_000;

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches only us and we
 * decide the order. It never outlives this subprocess. Rejects when it can't be started at all.
 */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const subprocess = spawn(spec.command, spec.args, {
    detached: true,
    stdio: [spec.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(spec.env === undefined ? {} : { env: spec.env }),
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...spec.user,
  });
  const lines: string[] = [];
  for (const stream of ["stdout", "stderr"] as const) {
    readLines(subprocess[stream], (line) => {
      lines.push(line);
      if (lines.length > LAST_LINES) lines.shift();
      spec.onLine?.(line, stream);
    });
  }
  // Before the first await: a process that ends at once must not be missed.
  const exited = untilExited(subprocess);
  await once(subprocess, "spawn");
  const { pid } = subprocess;
  if (pid === undefined) throw new Error(`${spec.name} has no process id`);
  guardProcess(pid);
  void exited.then(() => releaseProcess(pid));

  subprocess.stdin?.on("error", () => {}).end(spec.input);
  const child = control(spec.name, subprocess, pid, exited, lines);
  running.add(child);
  void exited.then(() => running.delete(child));
  return child;
}

function control(
  name: string,
  subprocess: ChildProcess,
  pid: number,
  exited: Promise<Exit>,
  lines: readonly string[],
): Child {
  const isRunning = () => subprocess.exitCode === null && subprocess.signalCode === null;
  return {
    name,
    pid,
    exited,
    isRunning,
    lastLines: () => lines,
    signal: (signal) => void (isRunning() && subprocess.kill(signal)),
    async stop(...steps) {
      for (const { signal, waitMs } of steps) {
        if (!isRunning()) break;
        subprocess.kill(signal);
        await endsWithin(exited, waitMs);
      }
      if (isRunning()) subprocess.kill("SIGKILL");
      return exited;
    },
  };
}

async function untilExited(subprocess: ChildProcess): Promise<Exit> {
  const closed = new Promise((resolve) => subprocess.once("close", resolve));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    subprocess.once("exit", (...exit) => resolve(exit));
    subprocess.once("error", () => resolve([null, null]));
  });
  await endsWithin(closed, OUTPUT_WAIT_MS);
  return { code, signal };
}

async function endsWithin(work: Promise<unknown>, waitMs: number): Promise<void> {
  using timer = abortOnDispose();
  await Promise.race([work, delay(waitMs, undefined, { signal: timer.signal }).catch(() => {})]);
}

function abortOnDispose(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  return { signal: controller.signal, [Symbol.dispose]: () => controller.abort() };
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream === null) return;
  stream.on("error", () => {});
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", onLine);
}

/** `exit code 1` or `SIGKILL`, for a message. */
export function describeExit({ code, signal }: Exit): string {
  if (signal !== null) return signal;
  return code === null ? "no exit code" : `exit code ${code}`;
}
