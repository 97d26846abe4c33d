import { describe, expect, it } from 'vitest';
import { Terminal, formatLogLine } from './terminal.ts';

function makeTerminal(isVerbose: boolean) {
  const shown: string[] = [];
  const terminal = new Terminal(
    { result: (text) => shown.push(text), complaint: (text) => shown.push(text) },
    isVerbose,
  );
  return { terminal, shown };
}

const info = '{"level":"info","text":"fine","queueId":"x"}\n';
const warn = '{"time":"t","level":"warn","service":"s","event":"e","text":"odd","reason":"why","count":2}\n';

describe('terminal', () => {
  it('shows warnings for the eye and leaves the rest to the log file', () => {
    const { terminal, shown } = makeTerminal(false);

    terminal.showLog('cleanup-0', Buffer.from(info + warn));
    terminal.showLog('cleanup-0', Buffer.from(info));

    expect(shown).toEqual(['cleanup-0: warn: odd reason=why count=2\n']);
  });

  it('shows everything when asked to', () => {
    const { terminal, shown } = makeTerminal(true);

    terminal.showLog('cleanup-0', Buffer.from(info));

    expect(shown).toEqual(['cleanup-0: info: fine queueId=x\n']);
  });

  it.each([
    'Nov 21 16:00:00 mx postfix/smtpd[1]: warning: odd',
    '[12] 2026/11/21 17:18:43.823205 [ERR] store failed',
  ])('shows %s as it is', (line) => {
    const { terminal, shown } = makeTerminal(false);

    terminal.showLog('x', Buffer.from(`${line}\n`));

    expect(shown).toEqual([`x: ${line}\n`]);
  });

  it('shows half a JSON line as it is', () => {
    expect(formatLogLine('{"level":"warn","te')).toBe('{"level":"warn","te');
  });
});
