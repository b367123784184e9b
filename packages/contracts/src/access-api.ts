import { z } from "zod";

import { Instant } from "./ids.ts";
import { Permission, Role } from "./permission.ts";

const EMAIL_LENGTH_MAX = 254;
const NAME_LENGTH_MAX = 100;
/** Length is what counts; rules about characters make people write it down. */
const PASSWORD_LENGTH_MIN = 12;
const PASSWORD_LENGTH_MAX = 128;

const Email = z.email().max(EMAIL_LENGTH_MAX);
const Name = z.string().trim().min(1).max(NAME_LENGTH_MAX);
const NewPassword = z.string().min(PASSWORD_LENGTH_MIN).max(PASSWORD_LENGTH_MAX);
/** As it was once set; only the length is bounded, since it is hashed. */
const GivenPassword = z.string().min(1).max(PASSWORD_LENGTH_MAX);

/** `POST /sessions`. */
export const SignIn = z.strictObject({ email: Email, password: GivenPassword });

export const SessionView = z
  .object({
    session_id: z.guid(),
    /** Whose it is: a person's, or that of a key with which somebody signed in. */
    user_id: z.guid().nullable(),
    api_key_id: z.guid().nullable(),
    is_current: z.boolean(),
    created_at: Instant,
    /** To the minute. It ends half an hour after this, and at `expires_at` at the latest. */
    last_seen_at: Instant,
    expires_at: Instant,
  })
  .meta({ id: "SessionView" });

export const SessionPage = z.object({
  sessions: z.array(SessionView),
  next_cursor: z.string().nullable(),
});

/** `GET /me`, and the answer to signing in. */
export const IdentityView = z
  .object({
    tenant_id: z.guid(),
    kind: z.enum(["user", "api_key"]),
    /** Of the user or the key. */
    id: z.guid(),
    email: z.string().nullable(),
    role: Role.nullable(),
    permissions: z.array(Permission),
  })
  .meta({ id: "IdentityView" });
export type IdentityView = z.infer<typeof IdentityView>;

/** `PUT /me/password`. */
export const PasswordChange = z.strictObject({
  current_password: GivenPassword,
  new_password: NewPassword,
});

export const UserView = z
  .object({
    user_id: z.guid(),
    email: z.string(),
    role: Role,
    status: z.enum(["active", "disabled"]),
    /** False: signs in through the identity provider alone. */
    has_password: z.boolean(),
    created_at: Instant,
  })
  .meta({ id: "UserView" });
export type UserView = z.infer<typeof UserView>;

export const UserPage = z.object({
  users: z.array(UserView),
  next_cursor: z.string().nullable(),
});

/** `POST /users`. Without a password they sign in through the identity provider. */
export const UserCreation = z.strictObject({
  email: Email,
  role: Role,
  password: NewPassword.optional(),
});
export type UserCreation = z.infer<typeof UserCreation>;

/** `PATCH /users/:user_id`: what is left out stays as it is. */
export const UserChange = z.strictObject({
  role: Role.optional(),
  status: z.enum(["active", "disabled"]).optional(),
  password: NewPassword.optional(),
});
export type UserChange = z.infer<typeof UserChange>;

/** `*` stands for every permission there is or will be. */
const Scopes = z.array(z.union([Permission, z.literal("*")])).min(1);

/** `POST /api_keys`. */
export const ApiKeyCreation = z.strictObject({ name: Name, scopes: Scopes });

const apiKey = {
  api_key_id: z.guid(),
  name: z.string(),
  /** Its first characters. */
  hint: z.string(),
  scopes: z.array(z.string()),
  created_at: Instant,
  /** To some minutes. */
  last_used_at: Instant.nullable(),
  revoked_at: Instant.nullable(),
};

export const ApiKeyView = z.object(apiKey).meta({ id: "ApiKeyView" });
export type ApiKeyView = z.infer<typeof ApiKeyView>;

/** 201 of `POST /api_keys`: the only time that `key` is shown. */
export const ApiKeyCreated = z.object({ ...apiKey, key: z.string() });

export const ApiKeyPage = z.object({
  api_keys: z.array(ApiKeyView),
  next_cursor: z.string().nullable(),
});

const AuditEntry = z.object({
  sequence: z.int(),
  at: Instant,
  actor_kind: z.enum(["user", "api_key", "system"]),
  actor_id: z.guid().nullable(),
  ip: z.string().nullable(),
  action: z.string(),
  object_kind: z.string(),
  object_id: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  /** SHA-256 over this entry and the one before, in hex. */
  hash: z.string(),
});

/** `GET /audit_log`: newest first. */
export const AuditPage = z.object({
  entries: z.array(AuditEntry),
  next_cursor: z.string().nullable(),
});

/** `GET /audit_log/verification`. */
export const AuditVerification = z.object({
  entry_count: z.int(),
  is_intact: z.boolean(),
  /** The first entry that was changed, or whose predecessor is missing. */
  broken_at: z.int().nullable(),
});
