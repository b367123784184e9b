import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { ROOT, StartError } from "./checkout.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The four services in the order in which they are named everywhere. */
export const SERVICES = [
  { name: "ingest", folder: "ingest", portVariable: "PORT" },
  { name: "validator", folder: "validator", portVariable: "VALIDATOR_PORT" },
  { name: "scheduler", folder: "scheduler", portVariable: "SCHEDULER_PORT" },
  { name: "dispatcher", folder: "webhook-dispatcher", portVariable: "DISPATCHER_PORT" },
] as const;

type ServiceName = (typeof SERVICES)[number]["name"];
export type ServicePorts = Readonly<Record<ServiceName, number>>;

export interface StartOptions {
  readonly demo: boolean;
  readonly help: boolean;
  readonly host: string;
  readonly ports: ServicePorts;
  readonly dataDir: string;
}

const FIRST_PORT = 8080;

export const USAGE = `npm start [-- options]

  --demo            upload docs/sample-leads.csv, show its webhooks arrive, and exit
  --port-base N     ingest on port N, the other services on the three behind it (default 8080)

Variables: DATABASE_URL, NATS_URL, OBJECT_STORE_URL (each replaces the embedded one), HOST, PORT,
VALIDATOR_PORT, SCHEDULER_PORT, DISPATCHER_PORT, VALIFY_DATA_DIR, and the services' own.
`;

/** Throws StartError, one line, for an option or a port that can't be meant. */
export function readStartOptions(args: readonly string[], env: Env): StartOptions {
  const { values } = parse(args);
  const base = values["port-base"];
  const ports = SERVICES.map(({ name, portVariable }, index) => {
    if (base !== undefined) return [name, toPort(base, "--port-base") + index] as const;
    const own = given(env, portVariable);
    return [name, own === undefined ? FIRST_PORT + index : toPort(own, portVariable)] as const;
  });
  const twice = ports.find(([, port], index) => ports.findIndex(([, p]) => p === port) !== index);
  if (twice !== undefined) {
    throw new StartError(`port ${twice[1]} is given to two services: change one of ${portNames()}`);
  }
  const byName = new Map<ServiceName, number>(ports);
  const portOf = (name: ServiceName) => byName.get(name) ?? FIRST_PORT;
  return {
    demo: values.demo,
    help: values.help,
    host: given(env, "HOST") ?? "127.0.0.1",
    ports: {
      ingest: portOf("ingest"),
      validator: portOf("validator"),
      scheduler: portOf("scheduler"),
      dispatcher: portOf("dispatcher"),
    },
    dataDir: resolve(ROOT, given(env, "VALIFY_DATA_DIR") ?? ".valify"),
  };
}

/** The variable's value; an empty one counts as missing, as it does for the services. */
export function given(env: Env, name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        demo: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        "port-base": { type: "string" },
      },
    });
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}

function toPort(text: string, variable: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port > 0 && port <= 65_532) return port;
  throw new StartError(`${variable} must be a port from 1 to 65532`);
}

function portNames(): string {
  return SERVICES.map(({ portVariable }) => portVariable).join(", ");
}
