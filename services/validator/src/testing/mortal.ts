import type { Bus, ObjectStore } from "@valify/runtime";
import type { KyselyPlugin } from "kysely";

import type { BatchUploadedDeps } from "../batch-uploaded-handler.ts";

/** `midway` cuts a bulk publish in half; elsewhere it is the same as `after`. */
export type Moment = "before" | "midway" | "after";

export interface Mortal {
  readonly deps: BatchUploadedDeps;
  /** False once the process has died: nothing of it reaches the world any more. */
  isAlive(): boolean;
}

/**
 * The handler's world for a process that dies at its `fatalEffect`-th touch of Postgres, NATS or
 * the object store: before it, or after it was done but before the process heard of it.
 */
export function mortal(deps: BatchUploadedDeps, fatalEffect: number, moment: Moment): Mortal {
  let effects = 0;
  let alive = true;

  function begin(): number {
    requireAlive();
    effects += 1;
    if (effects === fatalEffect && moment === "before") die();
    return effects;
  }

  function end(effect: number): void {
    if (effect === fatalEffect && alive) die();
    requireAlive();
  }

  function die(): never {
    alive = false;
    throw new Error("killed");
  }

  function requireAlive(): void {
    if (!alive) throw new Error("dead");
  }

  async function touch<Result>(work: () => Promise<Result>): Promise<Result> {
    const effect = begin();
    const result = await work();
    end(effect);
    return result;
  }

  const bus: Pick<Bus, "publish" | "publishAll"> = {
    publish: (contract, event) => touch(() => deps.bus.publish(contract, event)),
    async publishAll(contract, events) {
      const effect = begin();
      const isCut = effect === fatalEffect && moment === "midway";
      const sent = isCut ? events.slice(0, Math.ceil(events.length / 2)) : events;
      const acks = await deps.bus.publishAll(contract, sent);
      end(effect);
      return acks;
    },
  };
  const objects: ObjectStore = {
    ...deps.objects,
    put: (key, bytes) => touch(() => deps.objects.put(key, bytes)),
    get: (key) => touch(() => deps.objects.get(key)),
  };
  const db = deps.db.withPlugin(everyStatement(begin, end));
  return { deps: { ...deps, bus, objects, db }, isAlive: () => alive };
}

function everyStatement(begin: () => number, end: (effect: number) => void): KyselyPlugin {
  const effects = new WeakMap<object, number>();
  return {
    transformQuery({ node, queryId }) {
      effects.set(queryId, begin());
      return node;
    },
    async transformResult({ result, queryId }) {
      end(effects.get(queryId) ?? 0);
      return result;
    },
  };
}
