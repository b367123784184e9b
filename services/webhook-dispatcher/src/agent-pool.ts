import { Agent } from "undici";

import type { Egress } from "./egress.ts";
import type { ClientIdentity } from "./endpoint-secrets.ts";

export interface AgentPool extends AsyncDisposable {
  /** Connections made with one client certificate are never used for another, nor for none. */
  agentFor(identity: ClientIdentity | null): Agent;
}

export interface AgentPoolOptions {
  readonly egress: Pick<Egress, "connectorFor">;
}

const HEADER_BYTES_MAX = 16 * 1_024;
const KEEP_ALIVE_MS = 30_000;
/** A backstop: what an endpoint really gets is bounded by its gate. */
const CONNECTIONS_PER_ORIGIN_MAX = 256;
/** Client certificates with connections of their own at a time; the longest unused one makes room. */
const IDENTITIES_MAX = 100;

/** One keep-alive pool for all receivers, and one more for each client certificate. */
export function createAgentPool(options: AgentPoolOptions): AgentPool {
  const { egress } = options;
  const shared = createAgent(null);
  const own = new Map<string, Agent>(); // in the order of their last use

  function createAgent(identity: ClientIdentity | null): Agent {
    return new Agent({
      connections: CONNECTIONS_PER_ORIGIN_MAX,
      pipelining: 1,
      // Each exchange has one deadline for everything; undici's own would be two more timers each.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: HEADER_BYTES_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: egress.connectorFor(identity),
    });
  }

  function makeRoom(): void {
    const [oldest] = own;
    if (own.size < IDENTITIES_MAX || oldest === undefined) return;
    own.delete(oldest[0]);
    void oldest[1].close(); // what is under way ends first
  }

  return {
    agentFor(identity) {
      if (identity === null) return shared;
      const name = identity.certificate + identity.key;
      const known = own.get(name);
      if (known === undefined) makeRoom();
      const agent = known ?? createAgent(identity);
      own.delete(name);
      own.set(name, agent);
      return agent;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([shared, ...own.values()].map((agent) => agent.close()));
    },
  };
}
