import type { Connection, ConnectionPool } from "@valify/database";

/** Whether the process dies before an effect reaches the world, or after, before it hears of it. */
export type Moment = "before" | "after";

/** A process for tests that dies at its n-th touch of Postgres or NATS, as by SIGKILL. */
export interface MortalProcess {
  isAlive(): boolean;
  /** Does it, unless the process is dead or dies here. */
  touch<Result>(effect: () => Promise<Result>): Promise<Result>;
  /** The same for all that goes over a pool. Once dead, a connection is closed, never answered. */
  pool(pool: ConnectionPool): ConnectionPool;
}

export function createMortalProcess(fatalEffect: number, moment: Moment): MortalProcess {
  let effects = 0;
  let isAlive = true;

  function die(): never {
    isAlive = false;
    throw new Error("killed");
  }

  async function touch<Result>(effect: () => Promise<Result>): Promise<Result> {
    if (!isAlive) throw new Error("dead");
    effects += 1;
    const isFatal = effects === fatalEffect;
    if (isFatal && moment === "before") die();
    const result = await effect();
    if (isFatal) die();
    // Somebody else's effect was the fatal one, while this was under way.
    if (!isAlive) throw new Error("dead");
    return result;
  }

  function mortalClient(client: Connection): Connection {
    return intercept(client, {
      query: (...args: Parameters<Connection["query"]>) => touch(async () => client.query(...args)),
      // The socket of a dead process is closed, whatever state its transaction is in.
      release: (isBroken?: boolean | Error) => client.release(isAlive ? isBroken : true),
    });
  }

  async function connect(pool: ConnectionPool): Promise<Connection> {
    let client: Connection | undefined;
    try {
      return mortalClient(await touch(async () => (client = await pool.connect())));
    } catch (error) {
      client?.release(true);
      throw error;
    }
  }

  return {
    isAlive: () => isAlive,
    touch,
    pool: (pool) =>
      intercept(pool, {
        connect: () => connect(pool),
        query: (...args: Parameters<ConnectionPool["query"]>) =>
          touch(async () => pool.query(...args)),
      }),
  };
}

function intercept<Target extends object>(target: Target, methods: object): Target {
  return new Proxy(target, {
    get: (of, name) => Reflect.get(name in methods ? methods : of, name),
  });
}
