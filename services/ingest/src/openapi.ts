import { fastifySwagger } from "@fastify/swagger";
import { fastifySwaggerUi } from "@fastify/swagger-ui";
import { PROBLEM_CODES, type ProblemCode } from "@valify/contracts/api";
import { version } from "@valify/runtime";
import type { FastifyInstance, RouteOptions } from "fastify";
import { createJsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";

import { openApiWebhooks } from "./openapi-webhooks.ts";
import { DOCS_CONTENT_SECURITY_POLICY } from "./security-headers.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Codes that this route answers beside those every route can; for the OpenAPI document. */
    problems?: readonly ProblemCode[];
    /** What a form of this route holds; it is read part by part, not by a schema of the body. */
    form?: z.ZodType;
  }
}

/** For people, not for programs. */
const PAGES = /^\/(batch_admin|docs)?(\/|$)/;
const OF_EVERY_ROUTE = [
  "AUTH_REQUIRED",
  "AUTH_INVALID",
  "CSRF_REFUSED",
  "PERMISSION_MISSING",
  "RATE_LIMITED",
  "INTERNAL",
  "DATABASE_UNAVAILABLE",
] as const;
const SECURITY = [{ api_key: [] }, { session: [] }];
const toJsonSchema = createJsonSchemaTransform({});

/**
 * `/openapi.json`, made of the same zod schemas that check requests and answers, and Swagger UI at
 * `/docs` with assets of its own. Register it before the routes: it watches them come.
 */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.1",
      info: {
        title: "Valify Batch",
        version,
        description:
          "Upload lead files, follow their validation, fetch results and the state of every webhook. " +
          "Failures are RFC 9457 problems: `code` is stable, the prose is not.",
      },
      servers: [{ url: "/" }],
      components: {
        securitySchemes: {
          api_key: { type: "http", scheme: "bearer", description: "An API key, for machines" },
          session: { type: "apiKey", in: "cookie", name: "__Host-valify", description: "People" },
        },
      },
      webhooks: openApiWebhooks(),
    },
    transform: describeRoute,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(fastifySwaggerUi, {
    routePrefix: "/docs",
    staticCSP: DOCS_CONTENT_SECURITY_POLICY,
    uiConfig: { url: "/openapi.json", deepLinking: true, validatorUrl: null },
  });
  let described: ApiDocument | undefined;
  // At the first request: only then all routes are there.
  const document = () => (described ??= dropUnused(WithSchemas.parse(app.swagger())));
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) =>
    reply.header("cache-control", "max-age=60").send(document()),
  );
}

const WithSchemas = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});
type ApiDocument = z.infer<typeof WithSchemas>;
type Transform = ReturnType<typeof createJsonSchemaTransform>;

/** For the document alone: what is sent has a problem code of its own where it is bad. */
const IDEMPOTENCY_HEADER = {
  type: "object",
  properties: {
    "idempotency-key": {
      type: "string",
      pattern: "^[ -~]{1,255}$",
      description: "Makes a repeat of the same request safe",
    },
  },
};

/** Adds what every route of its kind answers, so that a route only tells what is its own. */
const describeRoute: Transform = (document) => {
  const { route, url, schema } = document;
  if (schema === undefined || schema.hide === true || PAGES.test(url)) {
    return { schema: { hide: true }, url };
  }
  const described = toJsonSchema(document);
  const { form, permission, problems = [] } = route.config ?? {};
  const { response, ...rest } = described.schema;
  return {
    url,
    schema: {
      ...rest,
      ...(form === undefined ? {} : { body: z.toJSONSchema(form, { io: "input" }) }),
      // A route that may refuse a key takes one.
      ...(problems.includes("IDEMPOTENCY_KEY_INVALID") ? { headers: IDEMPOTENCY_HEADER } : {}),
      ...accessOf(permission, schema),
      response: { ...problemAnswers(codesOf(schema, route)), ...asRecord(response) },
    },
  };
};

function codesOf(schema: object, { config, method }: RouteOptions): readonly ProblemCode[] {
  if (config?.permission === undefined) return ["INTERNAL", ...(config?.problems ?? [])];
  const isParsed = "params" in schema || "querystring" in schema || "body" in schema;
  return [
    ...(isParsed ? (["REQUEST_INVALID"] as const) : []),
    ...(method === "GET" ? [] : (["BODY_TOO_LARGE"] as const)),
    ...OF_EVERY_ROUTE,
    ...(config?.problems ?? []),
  ];
}

/** A route without a permission is open to everybody. */
function accessOf(permission: string | undefined, { description = "" }: { description?: string }) {
  if (permission === undefined) return { security: [] };
  const needed = permission === "self" ? "" : `Needs the permission \`${permission}\`.`;
  return { security: SECURITY, description: `${description}\n\n${needed}`.trim() };
}

/** One answer per status; its description lists the codes that come with it. */
function problemAnswers(codes: readonly ProblemCode[]): Record<string, object> {
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEM_CODES[code].status);
  const answers = [...byStatus].map(([status, ofStatus]) => {
    const description = ofStatus
      .map((code) => `- \`${code}\`: ${PROBLEM_CODES[code].meaning}`)
      .join("\n");
    const schema = { $ref: "#/components/schemas/Problem" };
    const content = { "application/problem+json": { schema } };
    return [String(status), { description, content }] as const;
  });
  return Object.fromEntries(answers);
}

function asRecord(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

/** Each shared schema comes twice, as a request and as an answer has it; few are in requests. */
function dropUnused(api: ApiDocument): ApiDocument {
  const schemas = Object.entries(api.components.schemas);
  const text = JSON.stringify(api);
  const used = schemas.filter(
    ([name]) => !name.endsWith("Input") || text.includes(`"#/components/schemas/${name}"`),
  );
  const kept = { ...api, components: { ...api.components, schemas: Object.fromEntries(used) } };
  // One that is gone may have been all that used another.
  return used.length === schemas.length ? kept : dropUnused(kept);
}
