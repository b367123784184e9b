import { UploadAccepted } from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

import { sendProblem } from "./problem.ts";
import type { ReceiveUpload } from "./receive-upload.ts";
import { acceptUploadForms } from "./upload-form.ts";

export interface UploadRouteDeps {
  readonly receiveUpload: ReceiveUpload;
  readonly fileBytesMax: number;
}

export const uploadRoute: FastifyPluginAsyncZod<UploadRouteDeps> = async (app, deps) => {
  const { receiveUpload, fileBytesMax } = deps;
  await acceptUploadForms(app, fileBytesMax);

  app.post(
    "/upload_batch",
    {
      schema: { response: { 200: UploadAccepted, 202: UploadAccepted } },
      config: { permission: "batches:write" },
    },
    async (request, reply) => {
      const outcome = await receiveUpload(request, reply);
      if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
      const { answer } = outcome;
      reply.header("location", `/batch_status/${answer.batch_id}`);
      return reply.code(outcome.kind === "replayed" ? 200 : 202).send(answer);
    },
  );
};
