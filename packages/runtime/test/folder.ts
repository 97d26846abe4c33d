/** Small configurations for tests, compiled from manifests as the platform does it. */
import { compile, parseManifests } from '@railpost/config';
import { createCompilerCrypto } from '../src/index.ts';

/** A platform with one domain and the Mailboxes named. */
export function compileSmall(
  mailboxes: readonly string[],
  key: Uint8Array,
  previous?: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const values: unknown[] = [
    {
      apiVersion: 'railpost.io/v1alpha1',
      kind: 'MailPlatform',
      metadata: { name: 'main' },
      spec: {
        hostname: 'mail.example.test',
        listeners: [{ name: 'mx', port: 2525, role: 'MX' }],
        tls: { certificates: [{ secretRef: { name: 'mail-tls' } }] },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'mail-tls' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': '-----BEGIN CERTIFICATE-----', 'tls.key': '-----BEGIN PRIVATE KEY-----' },
    },
    {
      apiVersion: 'railpost.io/v1alpha1',
      kind: 'MailDomain',
      metadata: { name: 'example.test' },
      spec: { domain: 'example.test', class: 'Mailbox' },
    },
    ...mailboxes.map((localPart) => ({
      apiVersion: 'railpost.io/v1alpha1',
      kind: 'Mailbox',
      metadata: { name: localPart },
      spec: { domain: 'example.test', localPart },
    })),
  ];
  const documents = values.map((value, position) => ({ path: 'test.yaml', position, value }));
  const parsed = parseManifests(documents);
  const compiled = compile({
    objects: parsed.objects,
    crypto: createCompilerCrypto(key),
    ...(previous === undefined ? {} : { previous }),
  });
  const errors = [...parsed.problems, ...compiled.problems].filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(`test manifests are wrong: ${JSON.stringify(errors)}`);
  return compiled.units;
}
