/** Where Node keeps compiled code between starts, for commands and for the services that `railpost up` runs. */
import { fileURLToPath } from 'node:url';

/** Below the repository's (or image's) own folder, never in a temporary folder that others can write to. */
export const compileCacheFolder: string = fileURLToPath(
  new URL('../../../.cache/node-compile', import.meta.url),
);
