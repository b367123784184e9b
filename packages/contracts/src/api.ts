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
export { Permission, Role } from "./permission.ts";
export { Problem } from "./problem.ts";
export { RuleProfile, RuleProfileInput, RuleProfilePage, RuleProfileView } from "./rule-profile.ts";
