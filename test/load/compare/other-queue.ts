import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

import { eventually } from "../../support/eventually.ts";
import type { CountingReceiver } from "../counting-receiver.ts";
import type { Delivered } from "../delivery.ts";

export interface OtherQueue extends Disposable {
  /** Jobs due `spacingMs` apart. */
  deliver(jobs: number, spacingMs: number): Promise<Delivered>;
}

/** For each to be stored before the first is due. */
const DUE_IN_MS = 5_000;
const DEADLINE_MS = 90_000;

/** Starts a queue of this kind in a process of its own. `server`: the URL of its database. */
export async function startOtherQueue(
  kind: string,
  server: string,
  receiver: CountingReceiver,
): Promise<OtherQueue> {
  const args = [kind, server, receiver.url];
  const child = fork(join(import.meta.dirname, "worker.mjs"), args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await told(child, "ready");
  return {
    async deliver(jobs, spacingMs) {
      receiver.take();
      const stored = told(child, "stored");
      const done = told(child, "done");
      child.send({ count: jobs, dueInMs: DUE_IN_MS, spacingMs });
      const { dueMs, storedMs } = await stored;
      if (storedMs > dueMs) throw new Error("not all were stored before they were due");
      const { doneMs } = await done;
      const all = () => receiver.count() >= jobs;
      await eventually(all, "all received", { deadlineMs: DEADLINE_MS });
      const arrivals = receiver.take();
      const latenessMs = arrivals.map(({ row, atMs }) => atMs - (dueMs + (row - 1) * spacingMs));
      return { dueMs, doneMs, latenessMs };
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

interface Told {
  readonly dueMs: number;
  readonly storedMs: number;
  readonly doneMs: number;
}

/** What the child says of this kind next. */
function told(child: ChildProcess, kind: string): Promise<Told> {
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  const timer = setTimeout(() => reject(new Error(`never told "${kind}"`)), DEADLINE_MS);
  const ended = (code: number | null) => reject(new Error(`the worker ended with ${code}`));
  const listen = (message: Told & { readonly kind: string }) => {
    if (message.kind !== kind) return;
    clearTimeout(timer);
    child.off("message", listen);
    child.off("exit", ended);
    resolve(message);
  };
  child.on("message", listen);
  child.once("exit", ended);
  return promise;
}
