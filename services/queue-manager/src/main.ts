/** The queue manager: which recipient, which transport, when, how many at once (Postfix qmgr). */
import { runService } from '@railpost/runtime';
import { createQueueManager } from './app.ts';
import { QueueManagerSettings } from './config.ts';

await runService({ name: 'queue-manager', settings: QueueManagerSettings, create: createQueueManager });
