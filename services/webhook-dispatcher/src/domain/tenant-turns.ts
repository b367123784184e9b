/** The right to work on one wake-up; leave when it is done. */
export interface TenantTurn {
  leave(): void;
}

/** Bounds how many wake-ups are worked on at once, and lets each tenant begin in its turn. */
export interface TenantTurns extends Disposable {
  /** Null: no more turns are given, this process stops. */
  take(tenantId: string): TenantTurn | null | Promise<TenantTurn | null>;
}

type Waiter = (turn: TenantTurn | null) => void;

/** First come, first served; taken from the front without moving what is behind. */
interface Line {
  readonly waiters: Waiter[];
  head: number;
}

/**
 * Wake-ups come in the order in which they fell due, so ten thousand of one tenant stand in front of
 * the next tenant's first. Of those that have been taken in, each tenant begins one, then the next
 * tenant: whoever has few is through at once. `atOnceMax`: under work at the same time; who waits is
 * bounded by whoever takes messages in.
 */
export function createTenantTurns(atOnceMax: number): TenantTurns {
  const lines = new Map<string, Line>(); // in the order of their next turn
  let busy = 0;
  let closed = false;

  function begin(): TenantTurn {
    busy += 1;
    let isOver = false;
    return {
      leave() {
        if (isOver) return;
        isOver = true;
        busy -= 1;
        next()?.(begin());
      },
    };
  }

  function next(): Waiter | undefined {
    const [first] = lines;
    if (first === undefined) return undefined;
    const [tenantId, line] = first;
    const waiter = line.waiters[line.head];
    line.head += 1;
    // To the end of the order, unless nobody is left in it.
    lines.delete(tenantId);
    if (line.head < line.waiters.length) lines.set(tenantId, line);
    return waiter;
  }

  return {
    take(tenantId) {
      if (closed) return null;
      if (busy < atOnceMax) return begin();
      const line = lines.get(tenantId) ?? { waiters: [], head: 0 };
      lines.set(tenantId, line);
      return new Promise((settle) => line.waiters.push(settle));
    },
    [Symbol.dispose]() {
      closed = true;
      for (let waiter = next(); waiter !== undefined; waiter = next()) waiter(null);
    },
  };
}
