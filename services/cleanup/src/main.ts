/** Start of the service; everything else is in app.ts. */
import { runService } from '@railpost/runtime';
import { createCleanup } from './app.ts';
import { CleanupSettings } from './config.ts';

await runService({ name: 'cleanup', settings: CleanupSettings, create: createCleanup });
