/** What we send, in the words of OpenAPI 3.1: the body is the contract's own schema. */
export function openApiWebhooks() {
  return {
    lead: {
      post: {
        summary: "One lead, 24 hours after its validation unless set otherwise",
        description:
          "At least once: a repeat carries the same `webhook-id`. Check the signature over the raw " +
          "body (Standard Webhooks) before reading it, and answer any 2xx within 15 seconds.",
        security: [],
        parameters: [
          header("webhook-id", "The same for every repeat", "msg_51a2d2388ba45209b0e2a9053bafc41a"),
          header("webhook-timestamp", "Seconds since 1970, of this attempt", "1763596800"),
          header("webhook-signature", "One or more signatures, separated by spaces", "v1,K5oZ…"),
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": { schema: { $ref: "#/components/schemas/WebhookPayload" } },
          },
        },
        responses: {
          "2XX": { description: "Received. The body of the answer is not read for meaning" },
          default: { description: "Tried again after each of the endpoint's retry delays" },
        },
      },
    },
  };
}

function header(name: string, description: string, example: string) {
  const schema = { type: "string" as const };
  return { name, in: "header" as const, required: true, description, schema, example };
}
