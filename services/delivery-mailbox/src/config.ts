/** Process settings of delivery-mailbox. Which mailboxes there are stands in manifests. */
import { setting } from '@railpost/runtime';

/** Names, texts, defaults and bounds. */
export const DeliveryMailboxSettings = {
  mailRoot: setting.optionalText({
    text: 'Folder of all mailboxes, <root>/<domain>/<local-part>/Maildir; `mail` in the data folder by default.',
  }),
  slots: setting.integer({
    text: 'Jobs that this process delivers at the same time.',
    default: '20',
    min: 1,
    max: 1000,
    unit: 'jobs',
  }),
  spoolCache: setting.size({
    text: 'Memory for segments of the spool that several jobs read.',
    default: '64Mi',
    min: '1Mi',
    max: '4Gi',
  }),
} as const;
