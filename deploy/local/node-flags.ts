/**
 * How Node is started for a service, here and wherever else it runs.
 *
 * A young generation of 32 MiB halves, from the start and for good: what is under way in a burst
 * mostly ends before it would be copied to the old generation, and a dispatcher spends an eighth
 * less of its time. The old generation is cleaned when it has doubled, where Node waits until it has
 * grown several times over: that keeps 225 MiB after bursts of 10,000 webhooks, not 300. At 60 % it
 * was cleaned more than once in each burst, for a sixteenth of all the work of the machine.
 * Both are V8's own flags: a Node that knows one no more does not start, and says which.
 */
export const SERVICE_NODE_FLAGS = [
  "--min-semi-space-size=32",
  "--max-semi-space-size=32",
  "--heap-growing-percent=100",
] as const;
