/** Consecutive rows of a file that are stored, announced and marked together; both ends included. */
export interface Chunk {
  readonly firstRow: number;
  readonly lastRow: number;
  /** What an earlier run has done with these rows. The last step of a row is `announced`. */
  readonly progress: "none" | "stored" | "announced";
}

export interface RunProgress {
  readonly totalRows: number;
  readonly storedRows: number;
  readonly announcedRows: number;
}

/**
 * Cuts the rows 1..totalRows into chunks of at most `chunkRows`, none across a point where an
 * earlier run stopped: a stored verdict is loaded, never made again, and an announced one is at
 * most loaded.
 */
export function planChunks(run: RunProgress, chunkRows: number): readonly Chunk[] {
  const { totalRows } = run;
  // A row is announced only after it was stored, so this order never goes backwards.
  const stretches = [
    { progress: "announced", lastRow: Math.min(run.announcedRows, totalRows) },
    { progress: "stored", lastRow: Math.min(run.storedRows, totalRows) },
    { progress: "none", lastRow: totalRows },
  ] as const;
  const chunks: Chunk[] = [];
  let firstRow = 1;
  for (const stretch of stretches) {
    while (firstRow <= stretch.lastRow) {
      const lastRow = Math.min(firstRow + chunkRows - 1, stretch.lastRow);
      chunks.push({ firstRow, lastRow, progress: stretch.progress });
      firstRow = lastRow + 1;
    }
  }
  return chunks;
}
