/** bounce: tells senders what became of their mail (Postfix bounce(8)). */
import { runService } from '@railpost/runtime';
import { startBounce } from './app.ts';
import { BounceSettings } from './config.ts';

await runService({ name: 'bounce', settings: BounceSettings, create: startBounce });
