/** smtp-ingress: listens, talks SMTP, accepts responsibility (Postfix smtpd). See README.md. */
import { runService } from '@railpost/runtime';
import { createIngress } from './app.ts';
import { IngressConfig } from './config.ts';

await runService({ name: 'smtp-ingress', settings: IngressConfig, create: createIngress });
