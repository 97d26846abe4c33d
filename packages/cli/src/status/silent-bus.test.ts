import { expect, it } from 'vitest';
import { formatSilentStatus } from './silent-bus.ts';

it('says each problem once, and who has it', () => {
  const text = formatSilentStatus({
    complaint: 'nothing answers at nats://127.0.0.1:4222: is nats-server running?',
    processes: [
      { name: 'cleanup-0', stage: 'ready', problems: ['not connected to NATS'] },
      { name: 'bounce-0', stage: 'ready', problems: ['not connected to NATS'] },
      { name: 'smtp-ingress-0', stage: 'silent', problems: [] },
    ],
  });

  expect(text).toBe(
    [
      'Problems:',
      '  nothing answers at nats://127.0.0.1:4222: is nats-server running?',
      '  cleanup-0, bounce-0: not connected to NATS',
      '  smtp-ingress-0: no answer',
      '',
    ].join('\n'),
  );
});
