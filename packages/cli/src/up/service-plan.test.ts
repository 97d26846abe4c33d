import { describe, expect, it } from 'vitest';
import { type PlanFacts, parseExtraSettings, parseReplicas, planProcesses } from './service-plan.ts';

const facts: PlanFacts = {
  data: '/data',
  natsUrl: ['nats://127.0.0.1:4222'],
  natsMonitorUrl: ['http://127.0.0.1:8222'],
  natsUser: undefined,
  natsPasswordFile: undefined,
  busPrefix: 'rp',
  spool: 'dir:/data/spool',
  platformKeyFile: '/data/platform.key',
  bindAddress: '127.0.0.1',
  logFormat: 'json',
  logLevel: 'info',
  shards: 1,
  portOffset: 0,
  healthPort: 9101,
  replicas: new Map(),
  extra: new Map(),
};

function argument(args: readonly string[] | undefined, flag: string): string | undefined {
  return args?.[args.indexOf(flag) + 1];
}

describe('plan', () => {
  it('runs one process of each service with health ports from 9101', () => {
    const plan = planProcesses(facts);

    expect(plan.map(({ name, httpPort }) => [name, httpPort])).toEqual([
      ['smtp-ingress-0', 9101],
      ['cleanup-0', 9102],
      ['queue-manager-0', 9103],
      ['delivery-smtp-0', 9104],
      ['delivery-mailbox-0', 9105],
      ['bounce-0', 9106],
      ['spool-keeper-0', 9107],
    ]);
  });

  it('gives further processes names, folders and ports of their own, 1000 apart for ingress', () => {
    const plan = planProcesses({
      ...facts,
      replicas: new Map([
        ['smtp-ingress', 2],
        ['bounce', 0],
      ]),
    });
    const second = plan.find(({ name }) => name === 'smtp-ingress-1');

    expect(argument(second?.arguments, '--port-offset')).toBe('1000');
    expect(argument(second?.arguments, '--watched-folders')).toBe('/data');
    expect(argument(second?.arguments, '--data')).toBe('/data/process/smtp-ingress-1');
    expect(new Set(plan.map(({ httpPort }) => httpPort)).size).toBe(plan.length);
    expect(plan.some(({ service }) => service === 'bounce')).toBe(false);
  });

  it('moves every port by the offset', () => {
    const [ingress] = planProcesses({ ...facts, portOffset: 500 });

    expect(ingress?.httpPort).toBe(9601);
    expect(argument(ingress?.arguments, '--port-offset')).toBe('500');
  });

  it('hands settings to the service they are for', () => {
    const extra = parseExtraSettings(['delivery-smtp.slots=50', 'delivery-smtp.connection-idle=1s']);

    const plan = planProcesses({ ...facts, extra });

    expect(plan.find(({ service }) => service === 'delivery-smtp')?.arguments.slice(-4)).toEqual([
      '--slots',
      '50',
      '--connection-idle',
      '1s',
    ]);
    expect(plan.find(({ service }) => service === 'cleanup')?.arguments).not.toContain('--slots');
  });
});

describe('replicas', () => {
  it('are read by service', () => {
    expect(parseReplicas(['cleanup=2', 'queue-manager=0'])).toEqual(
      new Map([
        ['cleanup', 2],
        ['queue-manager', 0],
      ]),
    );
  });

  it.each([
    ['smtp=2', 'there is no service smtp'],
    ['cleanup', 'is not SERVICE=N'],
    ['cleanup=x', 'is not SERVICE=N'],
    ['cleanup=100', 'is not SERVICE=N'],
  ])('refuse %s', (value, message) => {
    expect(() => parseReplicas([value])).toThrow(message);
  });

  it.each([
    ['cleanup', 'is not SERVICE.SETTING=VALUE'],
    ['pony.x=1', 'there is no service pony'],
  ])('settings refuse %s', (value, message) => {
    expect(() => parseExtraSettings([value])).toThrow(message);
  });
});
