import assert from "node:assert/strict";

import { fullFormats } from "ajv-formats/dist/formats.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Pages are for people: the document leaves them out, and so does the check. */
const PAGES = /^\/(batch_admin|docs|openapi\.json)?($|[/?])/;

/**
 * Holds every answer that a test injects against the app's own OpenAPI document: its route, its
 * status, its content type and its body must be in there. So each test of a route tests the document.
 */
export function checkAnswers(app: FastifyInstance): void {
  const check = createAnswerCheck(app);
  const inject: (options: InjectOptions) => Promise<LightMyRequestResponse> = app.inject.bind(app);
  const checked = async (options: InjectOptions) => {
    const response = await inject(options);
    if (typeof options.url === "string") check(options.method ?? "GET", options.url, response);
    return response;
  };
  Object.defineProperty(app, "inject", { value: checked });
}

function createAnswerCheck(app: FastifyInstance) {
  const api: ApiDocument = JSON.parse(JSON.stringify(app.swagger()));
  const ajv = new Ajv2020({ strict: false, formats: fullFormats });
  ajv.addSchema({ $id: "api", components: api.components });
  const routes = Object.keys(api.paths).map((path) => ({
    path,
    pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, "[^/?]+")}(\\?.*)?$`),
  }));

  return function check(method: string, url: string, response: LightMyRequestResponse): void {
    const isUnknown = response.statusCode === 404 && response.body.includes("ROUTE_NOT_FOUND");
    if (PAGES.test(url) || isUnknown || method === "OPTIONS" || method === "HEAD") return;
    const what = `${method} ${url} ${response.statusCode}`;
    const route = routes.find(({ pattern }) => pattern.test(url));
    const operation = route && api.paths[route.path]?.[method.toLowerCase()];
    assert.ok(operation, `${what}: the route is not in openapi.json`);
    const answer = operation.responses[response.statusCode] ?? operation.responses["default"];
    assert.ok(
      answer,
      `${what}: the status is not in openapi.json (${response.body.slice(0, 200)})`,
    );
    if (response.body === "" || answer.content === undefined) return;
    const type = String(response.headers["content-type"]).split(";")[0] ?? "";
    const media = answer.content[type] ?? answer.content["*/*"];
    assert.ok(media, `${what}: the content type ${type} is not in openapi.json`);
    if (!type.endsWith("json")) return;
    const schema = JSON.parse(
      JSON.stringify(media.schema).replaceAll("#/components", "api#/components"),
    );
    const isValid = ajv.validate(schema, response.json());
    assert.ok(isValid, `${what}: ${ajv.errorsText()} in ${response.body.slice(0, 500)}`);
  };
}
