export {
  BatchCancelAccepted,
  BatchPage,
  BatchStatus,
  BatchView,
  UploadAccepted,
  WebhookRetryAccepted,
  WebhookStatus,
  WebhookStatusPage,
} from "./batch-api.ts";
export { Problem } from "./problem.ts";
