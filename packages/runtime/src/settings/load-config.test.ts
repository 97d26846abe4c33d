import { describe, expect, it } from 'vitest';
import { SettingsError } from '../errors.ts';
import { loadSettings, settingsMode } from './load-config.ts';
import { formatHelp, formatSettings } from './print-config.ts';
import { parseDuration, parseSize, setting } from './setting.ts';

const shape = {
  httpPort: setting.integer({ text: 'Port.', default: '9100', min: 0, max: 65535, unit: 'port' }),
  natsUrl: setting.list({ text: 'Servers.', default: 'nats://a' }),
  spool: setting.text({ text: 'Spool.', pattern: /^dir:/, expected: 'dir:/path' }),
  wait: setting.duration({ text: 'Wait.', default: '5s', min: '1s', max: '1h' }),
  room: setting.size({ text: 'Room.', default: '1Mi', min: '1Ki', max: '1Gi' }),
  form: setting.choice({ text: 'Form.', default: 'json', values: ['json', 'postfix'] }),
  passwordFile: setting.optionalText({ text: 'File.' }),
  isQuiet: setting.toggle({ text: 'Quiet.' }),
};

function load(argv: string[], environment: Record<string, string> = {}) {
  return loadSettings(shape, { argv: ['--spool', 'dir:/x', ...argv], environment });
}

describe('settings', () => {
  it('have their defaults in the unit of the code', () => {
    expect(load([])).toEqual({
      httpPort: 9100,
      natsUrl: ['nats://a'],
      spool: 'dir:/x',
      wait: 5000,
      room: 1024 * 1024,
      form: 'json',
      passwordFile: undefined,
      isQuiet: false,
    });
  });

  it.each([
    { argv: ['--http-port', '1'], environment: {}, expected: { httpPort: 1 } },
    { argv: ['--http-port=2'], environment: {}, expected: { httpPort: 2 } },
    { argv: [], environment: { RAILPOST_HTTP_PORT: '3' }, expected: { httpPort: 3 } },
    { argv: ['--http-port', '4'], environment: { RAILPOST_HTTP_PORT: '3' }, expected: { httpPort: 4 } },
    { argv: ['--nats-url', 'a, b'], environment: {}, expected: { natsUrl: ['a', 'b'] } },
    {
      argv: ['--nats-url', 'a', '--nats-url', 'b'],
      environment: { RAILPOST_NATS_URL: 'c' },
      expected: { natsUrl: ['a', 'b'] },
    },
    { argv: ['--wait', '2m'], environment: {}, expected: { wait: 120_000 } },
    {
      argv: ['--is-quiet', '--form', 'postfix'],
      environment: {},
      expected: { isQuiet: true, form: 'postfix' },
    },
    { argv: ['--is-quiet=false'], environment: {}, expected: { isQuiet: false } },
    { argv: [], environment: { RAILPOST_SERVICE_HOST: '10.0.0.1' }, expected: { httpPort: 9100 } },
  ])('reads $argv with $environment', ({ argv, environment, expected }) => {
    expect(load(argv, environment)).toMatchObject(expected);
  });

  it.each([
    { argv: ['--http-prot', '1'], message: '--http-prot: unknown setting' },
    { argv: ['stray'], message: 'stray: unknown setting' },
    { argv: ['--http-port'], message: '--http-port: needs a value' },
    { argv: ['--http-port', 'x'], message: '--http-port: "x" is not a whole number' },
    { argv: ['--http-port', '70000'], message: '--http-port: 70000 is not within 0 to 65535' },
    { argv: ['--wait', '5'], message: '--wait: "5" is not a duration' },
    { argv: ['--wait', '5d'], message: '--wait: 5d is not within 1s to 1h' },
    { argv: ['--room', '1K'], message: '--room: "1K" is not a size' },
    { argv: ['--form', 'xml'], message: '--form: "xml" is none of json, postfix' },
    { argv: ['--spool=ftp:/x'], message: 'is not dir:/path' },
    { argv: ['--password-file', ''], message: '--password-file: "" is not' },
  ])('refuses $argv and names the field', ({ argv, message }) => {
    const attempt = () => load(argv);

    expect(attempt).toThrow(SettingsError);
    expect(attempt).toThrow(message);
  });

  it('says which required setting is missing', () => {
    expect(() => loadSettings(shape, { argv: [], environment: {} })).toThrow('--spool: is required');
  });

  it('are frozen', () => {
    expect(Object.isFrozen(load([]))).toBe(true);
  });

  it.each([
    { argv: [], mode: 'run' },
    { argv: ['--spool', 'x', '--check-config'], mode: 'check' },
    { argv: ['--print-config'], mode: 'print' },
    { argv: ['--version'], mode: 'version' },
    { argv: ['-h'], mode: 'help' },
  ])('take $argv as the mode $mode', ({ argv, mode }) => {
    expect(settingsMode(argv)).toBe(mode);
  });

  it('print without passwords', () => {
    const printed = formatSettings(shape, load(['--nats-url', 'nats://user:secret@host:4222']));

    expect(printed).toContain('nats://***@host:4222');
    expect(printed).not.toContain('secret');
  });

  it('explain every field with default, bounds and unit', () => {
    const help = formatHelp('usage', shape);

    expect(help).toMatch(/--http-port +Port\. \(default 9100; 0 to 65535; port\)/);
    expect(help).toMatch(/--spool +Spool\. \(required\)/);
  });
});

describe('units', () => {
  it.each([
    ['500ms', 500],
    ['1m', 60_000],
    ['5d', 432_000_000],
    ['5', undefined],
    ['s', undefined],
    ['1.5s', undefined],
  ])('reads the duration %s as %s ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    ['1024', 1024],
    ['512Ki', 524_288],
    ['10M', 10_000_000],
    ['2Gi', 2_147_483_648],
    ['2GB', undefined],
    ['-1', undefined],
  ])('reads the size %s as %s bytes', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });
});
