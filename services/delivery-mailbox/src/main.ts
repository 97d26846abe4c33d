/** delivery-mailbox: delivers into Maildirs of this platform (Postfix virtual(8)). */
import { runService } from '@railpost/runtime';
import { startDelivery } from './app.ts';
import { DeliveryMailboxSettings } from './config.ts';

await runService({ name: 'delivery-mailbox', settings: DeliveryMailboxSettings, create: startDelivery });
