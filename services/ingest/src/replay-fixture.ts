import assert from "node:assert/strict";

import type { WebhookRetry } from "@valify/contracts";
import { ReplayView } from "@valify/contracts/api";

import { runReplayTurn } from "./replay-worker.ts";
import { AUTH, type TestApp } from "./test-support.ts";

/** Replays of the default tenant, asked for by the API and worked off by hand. */
export function replaysOf(t: Pick<TestApp, "app" | "db" | "owner">) {
  const post = (url: string, payload: object = {}, headers = AUTH) =>
    t.app.inject({ method: "POST", url, headers, payload });

  return {
    post,
    async start(asked: object): Promise<ReplayView> {
      const response = await post("/replays", asked);
      assert.equal(response.statusCode, 202, response.body);
      return ReplayView.parse(response.json());
    },
    async planned(asked: object): Promise<number> {
      const response = await post("/replays", { ...asked, dry_run: true });
      assert.equal(response.statusCode, 200, response.body);
      return response.json<{ planned: number }>().planned;
    },
    async read(replayId: string): Promise<ReplayView> {
      const response = await t.app.inject({ url: `/replays/${replayId}`, headers: AUTH });
      return ReplayView.parse(response.json());
    },
    /** Works until nothing is left to do; returns what was published. */
    async workOff(): Promise<readonly WebhookRetry[]> {
      const events: WebhookRetry[] = [];
      const publishRetries = async (more: readonly WebhookRetry[]) => void events.push(...more);
      while (await runReplayTurn({ db: t.db, publishRetries }));
      return events;
    },
    /** Plays an outage: `count` failed deliveries, each in round 2. */
    async addFailed(batchUuid: string, endpointId: string, count: number) {
      const { rows } = await t.owner.query(
        `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
           state, round, wake_kind, attempts)
         select gen_random_uuid(), gen_random_uuid(), $2, b.tenant_id, b.batch_id, 'exhausted', 2, 1, 4
         from ingest.batches b, generate_series(1, $3) where b.batch_id = $1
         returning delivery_id`,
        [batchUuid, endpointId, count],
      );
      return rows.map(({ delivery_id: id }): string => id);
    },
  };
}

export const idsOf = (events: readonly WebhookRetry[]) => events.map(({ id }) => id).toSorted();
