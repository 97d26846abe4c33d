/** An edit of a file takes effect within 2 s without a restart; an invalid one changes nothing and says file, field and reason. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const content = Buffer.from('Subject: x\r\n\r\n');

function charlie(localPart: string): string {
  return `apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: charlie}
spec: {domain: example.test, localPart: ${localPart}}
`;
}

describe('live configuration', () => {
  let platform: Platform;

  beforeAll(async () => {
    platform = await startPlatform({
      manifests: (ports) => ({ 'platform.yaml': platformManifest(ports), 'example.yaml': exampleDomain() }),
    });
  });
  afterAll(() => platform.dispose());

  const accepts = (recipient: string): Promise<boolean> =>
    sendRaw({
      port: platform.ports.mx,
      reversePath: 'x@elsewhere.test',
      recipients: [recipient],
      content,
    }).then(
      () => true,
      () => false,
    );

  it('takes a new Mailbox within 2 s', async () => {
    expect(await accepts('charlie@example.test')).toBe(false);

    await platform.writeManifest('charlie.yaml', charlie('charlie'));

    await waitUntil('the new mailbox', () => accepts('charlie@example.test'), 2000);
  });

  it('an invalid edit changes nothing and says which file, which field and why', async () => {
    await platform.writeManifest(
      'charlie.yaml',
      charlie('not a local part').replace('localPart', 'locallPart'),
    );

    const complaint = await waitUntil(
      'the complaint',
      () =>
        platform
          .output()
          .split('\n')
          .find((line) => line.includes('locallPart')),
      5000,
    );
    expect(complaint).toContain('charlie.yaml');
    expect(await accepts('charlie@example.test')).toBe(true);
  });

  it('goes on with the next good edit', async () => {
    await platform.writeManifest('charlie.yaml', charlie('charles'));

    await waitUntil('the renamed mailbox', () => accepts('charles@example.test'), 2000);
    expect(await accepts('charlie@example.test')).toBe(false);
  });
});
