import { measureAttempts } from "./attempts.ts";
import { measureComparison } from "./compare.ts";
import { measureDelivery } from "./delivery.ts";
import { measureFairness } from "./fairness.ts";
import { measureHangingEndpoint } from "./hanging-endpoint.ts";
import { measureLeadFile } from "./lead-file.ts";
import { measurePipeline } from "./pipeline.ts";
import { measureRate } from "./rate.ts";
import { printMachine } from "./report.ts";
import { measureRoutes } from "./routes.ts";
import { SCHEDULER_PARTS } from "./scheduler/parts.ts";
import { serverVersions } from "./server-versions.ts";
import { measureUploadMemory } from "./upload-memory.ts";
import { measureValidator } from "./validator.ts";

const MEASUREMENTS: Readonly<Record<string, () => Promise<void>>> = {
  "lead-file": measureLeadFile,
  pipeline: measurePipeline,
  "upload-memory": measureUploadMemory,
  validator: measureValidator,
  delivery: measureDelivery,
  compare: measureComparison,
  fairness: measureFairness,
  "hanging-endpoint": measureHangingEndpoint,
  rate: measureRate,
  async scheduler() {
    for (const measure of Object.values(SCHEDULER_PARTS)) await measure();
  },
  ...SCHEDULER_PARTS,
  attempts: measureAttempts,
  routes: measureRoutes,
};

// `npm run load -- pipeline delivery`: figures, never a verdict, since machines are noisy.
const names = process.argv.slice(2);
const unknown = names.filter((name) => MEASUREMENTS[name] === undefined);
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: npm run load -- ${Object.keys(MEASUREMENTS).join(" | ")}`);
  process.exit(1);
}
printMachine(await serverVersions());
for (const name of names) await MEASUREMENTS[name]?.();
