import { z } from "zod";

/** The four streams that carry events. `topology.ts` in runtime says how each keeps them. */
export type StreamName = "BATCH" | "LEADS" | "WEBHOOKS";

export interface EventDefinition<Shape extends z.ZodRawShape, Subject extends string = string> {
  readonly stream: StreamName;
  readonly subject: Subject;
  readonly version: number;
  readonly fields: Shape;
  /** Deterministic: becomes `ce-id` and `Nats-Msg-Id`. Deduplication spans a whole stream. */
  readonly eventId: (event: z.infer<z.ZodObject<Shape>>) => string;
}

/** One event on the wire: its subject, its schema and the id that makes a repeat harmless. */
export interface EventContract<Event extends object = object> {
  readonly stream: StreamName;
  readonly subject: string;
  readonly version: number;
  /** CloudEvents `type`: `com.valify.<subject>.v<version>`. */
  readonly type: string;
  readonly schema: z.ZodType<Event>;
  /** A method, not a property: a list of contracts of different events must type-check. */
  eventId(event: Event): string;
}

/**
 * Builds an event's contract. The schema ignores unknown fields on read, so that a later, additive
 * field never stops an older consumer. Every event says its tenant.
 */
export function defineEvent<Shape extends z.ZodRawShape>(definition: EventDefinition<Shape>) {
  const { stream, subject, version, fields, eventId } = definition;
  const schema = z.object(fields);
  return { stream, subject, version, type: `com.valify.${subject}.v${version}`, schema, eventId };
}
