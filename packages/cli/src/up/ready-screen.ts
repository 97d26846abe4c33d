/** The ready screen: ports, three commands to try, where the mail lies, where the logs are. Pure text. */
import type { ConfigSnapshot, ManifestObject } from '@railpost/config';
import { type ProcessPlan, portStep } from './service-plan.ts';

/** What it shows. */
export interface ReadyFacts {
  readonly seconds: number;
  readonly address: string;
  readonly portOffset: number;
  readonly snapshot: ConfigSnapshot;
  readonly objects: readonly ManifestObject[];
  readonly plan: readonly ProcessPlan[];
  readonly data: string;
}

const roleNotes = {
  MX: 'mail for our domains, from anybody',
  Submission: 'users, after TLS and AUTH',
  Internal: 'trusted networks may relay',
} as const;

/** The text. */
export function formatReadyScreen(facts: ReadyFacts): string {
  const mailbox = exampleMailbox(facts.objects);
  const mx = facts.snapshot.platform.listeners.find((each) => each.role === 'MX');
  const port = (mx?.port ?? 25) + facts.portOffset;
  const send = [
    `swaks --server ${facts.address}:${port} --to ${mailbox} --from you@elsewhere.test`,
    'npx railpost status',
    'npx railpost queue list',
  ];
  return [
    '',
    `Railpost is ready (${facts.seconds.toFixed(1)} s).`,
    '',
    ...listenerLines(facts),
    `  ${'health'.padEnd(14)}${healthUrls(facts)}`,
    '',
    'Try:',
    ...send.map((line) => `  ${line}`),
    '',
    `Mail lies in  ${facts.data}/mail/<domain>/<local-part>/Maildir`,
    `Logs          ${facts.data}/log`,
    'Ctrl-C drains and stops everything.',
    '',
    '',
  ].join('\n');
}

function listenerLines(facts: ReadyFacts): readonly string[] {
  const replicas = facts.plan.filter(({ service }) => service === 'smtp-ingress').length;
  return facts.snapshot.platform.listeners.map((listener) => {
    const ports = Array.from(
      { length: replicas },
      (_, index) => `${facts.address}:${listener.port + facts.portOffset + index * portStep}`,
    );
    const tls = listener.tls.mode === 'Implicit' ? 'TLS from the start; ' : '';
    return `  ${listener.name.padEnd(14)}${ports.join(', ')}   ${tls}${roleNotes[listener.role]}`;
  });
}

function healthUrls(facts: ReadyFacts): string {
  const ports = facts.plan.map(({ httpPort }) => httpPort);
  const first = Math.min(...ports);
  const last = Math.max(...ports);
  return `http://${facts.address}:${first}/health ... ${last}   /metrics, /readyz too`;
}

/** An address that receives: an enabled Mailbox of the folder. */
function exampleMailbox(objects: readonly ManifestObject[]): string {
  for (const object of objects) {
    if (object.kind === 'Mailbox' && object.spec.state === 'Enabled')
      return `${object.spec.localPart}@${object.spec.domain}`;
  }
  return 'postmaster';
}
