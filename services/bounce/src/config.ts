/** Process settings of bounce. The host name that reports are sent under stands in manifests. */
import { setting } from '@railpost/runtime';

/** Names, texts, defaults and bounds. */
export const BounceSettings = {
  slots: setting.integer({
    text: 'Reports that this process makes at the same time.',
    default: '20',
    min: 1,
    max: 1000,
    unit: 'jobs',
  }),
  spoolCache: setting.size({
    text: 'Memory for segments of the spool that several reports read.',
    default: '16Mi',
    min: '1Mi',
    max: '4Gi',
  }),
} as const;
