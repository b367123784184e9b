// Counters and histograms of our own: at thousands a second the library's take some 5 us for each
// value, since they check and hash the labels again every time (docs/adr/0054-what-a-message-costs.md).

export type Labels<Label extends string> = Readonly<Partial<Record<Label, string | number>>>;

export interface CounterSeries {
  inc(count?: number): void;
}

export interface Counter<Label extends string> extends CounterSeries {
  /** The series with these labels: look it up once, and counting is an addition. */
  labels(labels: Labels<Label>): CounterSeries;
  inc(labels: Labels<Label>, count?: number): void;
  inc(count?: number): void;
}

export interface HistogramSeries {
  observe(value: number): void;
}

export interface Histogram<Label extends string> extends HistogramSeries {
  labels(labels: Labels<Label>): HistogramSeries;
  observe(labels: Labels<Label>, value: number): void;
  observe(value: number): void;
}

export interface Rendered {
  /** As Prometheus reads it, without a line break at the end. */
  render(): string;
}

interface Family<Label extends string = string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
}

type AnyLabels = Labels<string>;

export function createCounter<Label extends string>(
  family: Family<Label>,
): Counter<Label> & Rendered {
  const { name } = family;
  const series = createSeries(family, createCount);
  return {
    labels: (labels) => series.of(labels),
    inc(first: AnyLabels | number = 1, count: number = 1) {
      if (typeof first === "number") series.of({}).inc(first);
      else series.of(first).inc(count);
    },
    render: () =>
      page(
        family,
        "counter",
        series.all().map(([labels, one]) => line(name, labels, one.count())),
      ),
  };
}

export function createHistogram<Label extends string>(
  family: Family<Label>,
  bounds: readonly number[],
): Histogram<Label> & Rendered {
  const series = createSeries(family, () => createBuckets(bounds));
  return {
    labels: (labels) => series.of(labels),
    observe(first: AnyLabels | number, value: number = 0) {
      if (typeof first === "number") series.of({}).observe(first);
      else series.of(first).observe(value);
    },
    render: () =>
      page(
        family,
        "histogram",
        series.all().flatMap(([labels, one]) => one.lines(family.name, labels)),
      ),
  };
}

function createCount() {
  let total = 0;
  return {
    inc(count = 1): void {
      total += count;
    },
    count: () => total,
  };
}

function createBuckets(bounds: readonly number[]) {
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  return {
    observe(value: number): void {
      let bucket = 0;
      while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket += 1;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      sum += value;
    },
    lines(name: string, labels: string): string[] {
      let below = 0;
      const lines = [...counts].map((count, bucket) => {
        below += count;
        const bound = bounds[bucket] ?? "+Inf";
        return line(`${name}_bucket`, joined(`le="${bound}"`, labels), below);
      });
      return [...lines, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, below)];
    },
  };
}

/** One for each set of labels that has been named; without label names, one from the start. */
function createSeries<One>(family: Family, create: () => One) {
  const all = new Map<string, One>();
  if (family.labels.length === 0) all.set("", create());
  return {
    of(labels: AnyLabels): One {
      const key = written(family, labels);
      const known = all.get(key);
      if (known !== undefined) return known;
      const created = create();
      all.set(key, created);
      return created;
    },
    all: () => [...all],
  };
}

function written(family: Family, labels: AnyLabels): string {
  return family.labels
    .flatMap((label) => {
      const value = labels[label];
      return value === undefined ? [] : [`${label}="${escaped(String(value))}"`];
    })
    .join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function joined(...labels: readonly string[]): string {
  return labels.filter((part) => part !== "").join(",");
}

function line(name: string, labels: string, value: number): string {
  return labels === "" ? `${name} ${value}` : `${name}{${labels}} ${value}`;
}

function page(family: Family, type: string, lines: readonly string[]): string {
  const { name, help } = family;
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join("\n");
}
