import { jetstreamManager } from "@nats-io/jetstream";
import { migrate } from "@valify/database";

import { connectBus } from "./bus.ts";
import { commonSettings, parseConfig, setting } from "./config.ts";
import { runService } from "./lifecycle.ts";
import { createLogger } from "./logger.ts";
import { applyTopology } from "./topology.ts";

// The migrate job: SQL first, then streams and consumers. Safe to run again, and from two places.
await runService("migrate", async () => {
  const { DATABASE_URL, NATS_URL, LOG_LEVEL } = commonSettings;
  const shape = { DATABASE_URL, NATS_URL, LOG_LEVEL, NATS_REPLICAS: setting.count.default(1) };
  const config = parseConfig(shape, process.env);
  const log = createLogger("migrate", config.LOG_LEVEL);
  const applied = await migrate(config.DATABASE_URL);
  log.info({ applied }, "migrate.schema_ready");
  await using bus = await connectBus({ url: config.NATS_URL, service: "migrate", log });
  await applyTopology(await jetstreamManager(bus.connection), config.NATS_REPLICAS);
  log.info("migrate.topology_ready");
});
