/** Process settings of delivery-smtp. What mail may do (timeouts, TLS, EHLO name) stands in manifests. */
import { setting } from '@railpost/runtime';

/** Names, texts, defaults and bounds. */
export const DeliverySmtpSettings = {
  slots: setting.integer({
    text: 'Jobs that this process delivers at the same time.',
    default: '100',
    min: 1,
    max: 1000,
    unit: 'jobs',
  }),
  dnsServers: setting.list({
    text: 'Name servers for MX lookups, address or address:port; those of /etc/resolv.conf when empty.',
    default: '',
  }),
  smtpPort: setting.integer({
    text: 'Port of the hosts that MX records name (Postfix smtp_tcp_port).',
    default: '25',
    min: 1,
    max: 65535,
    unit: 'port',
  }),
  connectionIdle: setting.duration({
    text: 'How long an idle connection is kept for the next message (Postfix smtp_connection_cache_time_limit).',
    default: '2s',
    min: '0s',
    max: '60s',
  }),
  connectionLifetime: setting.duration({
    text: 'How long a connection is used in all (Postfix smtp_connection_reuse_time_limit).',
    default: '300s',
    min: '0s',
    max: '1h',
  }),
  connectionUses: setting.integer({
    text: 'Messages per connection; 0 = no limit (Postfix smtp_connection_reuse_count_limit).',
    default: '0',
    min: 0,
    max: 100000,
    unit: 'messages',
  }),
  spoolCache: setting.size({
    text: 'Memory for segments of the spool that several jobs read.',
    default: '32Mi',
    min: '1Mi',
    max: '4Gi',
  }),
} as const;
