import {
  type ProblemCode,
  UploadAccepted,
  UploadForm,
  UploadPreview,
  UploadQuery,
} from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { sendProblem } from "./problem.ts";
import type { ReceiveUpload } from "./receive-upload.ts";
import { acceptUploadForms } from "./upload-form.ts";

export interface UploadRouteDeps {
  readonly receiveUpload: ReceiveUpload;
  readonly fileBytesMax: number;
}

const UPLOAD_PROBLEMS = [
  "FORM_INVALID",
  "FILE_MISSING",
  "FILE_NOT_SINGLE",
  "IDEMPOTENCY_KEY_INVALID",
  "IDEMPOTENCY_KEY_REUSED",
  "UPLOAD_OPTION_INVALID",
  "PERMISSION_MISSING",
  "FILE_DUPLICATE",
  "FILE_SAME_ROWS",
  "FILE_DOB_ORDER_SUSPECT",
  "FILE_NOT_ALL_VALID",
  "FILE_TOO_LARGE",
  "FILE_TOO_MANY_ROWS",
  "CONTENT_TYPE_UNSUPPORTED",
  "CONTENT_ENCODING_UNSUPPORTED",
  "FILE_BINARY",
  "FILE_TYPE_XLSX",
  "FILE_TYPE_XLS",
  "FILE_TYPE_ODS",
  "FILE_TYPE_ZIP",
  "FILE_TYPE_GZIP",
  "FILE_TYPE_PDF",
  "FILE_TYPE_HTML",
  "FILE_TYPE_JSON",
  "FILE_TYPE_UNSUPPORTED",
  "FILE_EMPTY",
  "FILE_NO_ROWS",
  "FILE_ENCODING_UNKNOWN",
  "HEADER_MISSING",
  "HEADER_COLUMN_MISSING",
  "HEADER_FULL_NAME",
  "HEADER_DUPLICATE",
  "HEADER_TOO_MANY_COLUMNS",
  "STORED_BYTES_EXCEEDED",
  "FILES_PER_DAY_EXCEEDED",
  "LEADS_PER_MONTH_EXCEEDED",
  "CONCURRENT_BATCHES_EXCEEDED",
  "OBJECT_STORE_UNAVAILABLE",
  "UPLOADS_BUSY",
  "MEMORY_HIGH",
  "BROKER_UNAVAILABLE",
] as const satisfies readonly ProblemCode[];

export const uploadRoute: FastifyPluginAsyncZod<UploadRouteDeps> = async (app, deps) => {
  const { receiveUpload, fileBytesMax } = deps;
  await acceptUploadForms(app, fileBytesMax);

  app.post(
    "/upload_batch",
    {
      schema: {
        summary: "Upload a lead file",
        description:
          "multipart/form-data with the CSV as the one file of the field `file`. Options stand in " +
          "the form or in the query.\n\nSend an `Idempotency-Key` to repeat safely: the same key with " +
          "the same file and options gets the first answer again.",
        consumes: ["multipart/form-data"],
        querystring: UploadQuery,
        response: {
          200: z
            .union([UploadPreview, UploadAccepted])
            .describe(
              "The answer to dry_run=true, or the first answer to this Idempotency-Key again",
            ),
          202: UploadAccepted.describe("Stored: it will be validated, whatever happens to us"),
        },
      },
      config: { permission: "batches:write", form: UploadForm, problems: UPLOAD_PROBLEMS },
    },
    async (request, reply) => {
      const outcome = await receiveUpload(request, reply);
      if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
      if (outcome.kind === "previewed") return reply.code(200).send(outcome.answer);
      const { answer } = outcome;
      reply.header("location", `/batch_status/${answer.batch_id}`);
      return reply.code(outcome.kind === "replayed" ? 200 : 202).send(answer);
    },
  );
};
