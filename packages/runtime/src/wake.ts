/** A pause that somebody else can cut short. */
export interface Wake {
  /** Begins a pause; the promise resolves after `durationMs`, or at the next wake. */
  arm(durationMs: number): Promise<void>;
  wake(): void;
}

/** For one loop: arming again ends the pause before. A wake with no pause armed does nothing. */
export function createWake(): Wake {
  let current: { readonly timer: NodeJS.Timeout; readonly resolve: () => void } | undefined;

  function wake(): void {
    clearTimeout(current?.timer);
    current?.resolve();
    current = undefined;
  }

  return {
    arm(durationMs) {
      wake();
      const { promise, resolve } = Promise.withResolvers<void>();
      current = { timer: setTimeout(resolve, durationMs), resolve };
      return promise;
    },
    wake,
  };
}
