export {
  ApiKeyCreated,
  ApiKeyCreation,
  ApiKeyPage,
  ApiKeyView,
  AuditPage,
  AuditVerification,
  IdentityView,
  PasswordChange,
  SessionPage,
  SessionView,
  SignIn,
  UserChange,
  UserCreation,
  UserPage,
  UserView,
} from "./access-api.ts";
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
export {
  DeliveryDetail,
  DeliveryFilter,
  DeliveryPage,
  DeliveryCancelAccepted,
  ResendAccepted,
} from "./delivery-api.ts";
export {
  ErasurePage,
  ErasurePreview,
  ErasureReplayAccepted,
  ErasureRequest,
  ErasureView,
} from "./erasure-api.ts";
export { HealthView } from "./health-api.ts";
export { PROBLEM_CODES, type ProblemCode } from "./problem-codes.ts";
export {
  EndpointChange,
  EndpointCreated,
  EndpointCreation,
  EndpointList,
  EndpointTestAccepted,
  EndpointView,
  SecretRotated,
  SecretRotation,
  SignatureScheme,
} from "./endpoint-api.ts";
export { EndpointHealthView } from "./endpoint-health-api.ts";
export { Problem } from "./problem.ts";
export { ReplayPage, ReplayPlan, ReplayRequest, ReplayView } from "./replay-api.ts";
export { RuleProfile, RuleProfileInput, RuleProfilePage, RuleProfileView } from "./rule-profile.ts";
export {
  BatchOptions,
  FindingCount,
  FindingPage,
  UploadForm,
  UploadPreview,
  UploadQuery,
} from "./upload-api.ts";
export { UsageMonth, UsageStatement } from "./usage-api.ts";
export {
  OwnTenantView,
  TenantChange,
  TenantCreation,
  TenantPage,
  TenantView,
} from "./tenant-api.ts";
export {
  AdmissionReason,
  AdmissionView,
  MemoryStats,
  QueueStats,
  Worker,
  WorkerStats,
} from "./stats-api.ts";
