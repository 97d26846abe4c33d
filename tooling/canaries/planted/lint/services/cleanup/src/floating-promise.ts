/** Planted: a promise that nobody waits for. */
async function flush(): Promise<void> {
  await Promise.resolve();
}

/** Forgets the flush. */
export function stop(): void {
  flush();
}
