import { type ConfigSnapshot, type ManifestObject, createSnapshot } from '@railpost/config';
import { expect, it } from 'vitest';
import { compileOffline } from '../folder/offline.ts';
import { withFolder } from '../../test/command-run.ts';
import { formatReadyScreen } from './ready-screen.ts';
import type { ProcessPlan } from './service-plan.ts';

const manifests = `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.example.test
  listeners:
  - {name: mx, port: 2525, role: MX}
  - {name: submissions, port: 2465, role: Submission, tls: {mode: Implicit}}
---
apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: example.test}
spec: {domain: example.test, class: Mailbox}
---
apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: alice}
spec: {domain: example.test, localPart: alice}
`;

function plan(service: ProcessPlan['service'], index: number, httpPort: number): ProcessPlan {
  return { service, name: `${service}-${index}`, httpPort, arguments: [] };
}

async function compileManifests(): Promise<{
  snapshot: ConfigSnapshot;
  objects: readonly ManifestObject[];
}> {
  return withFolder({ 'all.yaml': manifests }, async (folder) => {
    const { compilation, contents } = await compileOffline([folder]);
    return { snapshot: createSnapshot(compilation.units), objects: contents.objects };
  });
}

it('shows ports with offset and replicas, three commands that work as they stand, mail and logs', async () => {
  const text = formatReadyScreen({
    ...(await compileManifests()),
    seconds: 3.25,
    address: '127.0.0.1',
    portOffset: 100,
    plan: [plan('smtp-ingress', 0, 9201), plan('smtp-ingress', 1, 9211), plan('cleanup', 0, 9202)],
    data: '/data',
  });

  expect(text).toContain('Railpost is ready (3.3 s).');
  expect(text).toContain('127.0.0.1:2625, 127.0.0.1:3625');
  expect(text).toContain('TLS from the start; users, after TLS and AUTH');
  expect(text).toContain('http://127.0.0.1:9201/health ... 9211');
  expect(text).toContain('swaks --server 127.0.0.1:2625 --to alice@example.test');
  expect(text).toContain('/data/mail/<domain>/<local-part>/Maildir');
  expect(text).toContain('/data/log');
});
