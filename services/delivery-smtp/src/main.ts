/** delivery-smtp: the SMTP and LMTP client of the platform (Postfix smtp(8) and lmtp(8)). */
import { runService } from '@railpost/runtime';
import { startDelivery } from './app.ts';
import { DeliverySmtpSettings } from './config.ts';

await runService({ name: 'delivery-smtp', settings: DeliverySmtpSettings, create: startDelivery });
