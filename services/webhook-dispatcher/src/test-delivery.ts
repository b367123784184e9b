import assert from "node:assert/strict";

import type { WebhookDue } from "@valify/contracts";
import { createSecretBox } from "@valify/runtime";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import { createConcluder } from "./conclude-deliveries.ts";
import { createDeliverWebhook } from "./deliver-webhook.ts";
import { createEndpointSecrets } from "./endpoint-secrets.ts";
import type { HttpSender } from "./http-sender.ts";
import { type ClaimedDelivery, prepareDeliveries } from "./prepare-deliveries.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import { createTestGate, type DispatcherFixture, log } from "./test-fixture.ts";
import { createLaterTurns } from "./turn-later.ts";

export interface TestDeliveryOptions {
  readonly fixture: DispatcherFixture;
  readonly sender: HttpSender;
  readonly now: () => Date;
}

const RETRY_DELAYS_MS = [60_000, 300_000, 1_500_000];

/** The real path of one delivery, from its claim to its stored outcome; nothing is published. */
export function createTestDelivery({ fixture, sender, now }: TestDeliveryOptions) {
  const dispatcher = fixture.dispatcher(0, now);
  const { board } = dispatcher;
  const announced: DeliveryOutcome[] = [];
  let deferrals = 0;
  const conclude = createConcluder(
    {
      board,
      recorder: createOutcomeRecorder(fixture.db, log),
      announce: async (outcomes) => void announced.push(...outcomes),
      onDeferral: () => (deferrals += 1),
      observe: () => {},
      log,
      now,
    },
    RETRY_DELAYS_MS,
  );
  const deliverWebhook = createDeliverWebhook(
    {
      gate: createTestGate(),
      turnLater: createLaterTurns(dispatcher),
      board,
      sender,
      secretsOf: createEndpointSecrets(createSecretBox("0123456789abcdef0123456789abcdef")),
      conclude,
      now,
    },
    { userAgent: "valify-batch/test" },
  );

  async function claim(event: WebhookDue): Promise<ClaimedDelivery> {
    const [[preparation] = []] = await prepareDeliveries(dispatcher, [event]);
    assert.ok(preparation?.kind === "send", `to send, not ${preparation?.kind}`);
    return preparation.delivery;
  }

  async function deliver(delivery: ClaimedDelivery): Promise<DeliveryOutcome> {
    await deliverWebhook(delivery);
    const outcome = announced.pop();
    assert.ok(outcome !== undefined, "announced");
    return outcome;
  }

  const wake = async (event: WebhookDue) => deliver(await claim(event));
  return { claim, deliver, wake, deferrals: () => deferrals };
}
