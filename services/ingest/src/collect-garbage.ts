import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (options: { readonly type: "major"; readonly execution: "sync" }) => void;

/**
 * A file leaves three to five times its size behind: its text, its cells, the pieces it came in. V8
 * sees no need to collect that before the process has grown by hundreds of megabytes, so whoever
 * bounds uploads has to ask. Some 20 ms: only for files of a megabyte or more, whose reading takes
 * several times as long.
 */
export function createGarbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: Collect = runInNewContext("gc");
  return () => collect({ type: "major", execution: "sync" });
}
