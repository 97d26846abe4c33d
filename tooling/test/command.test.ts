/** How commands behind the steps end, whatever they do. */
import { describe, expect, it } from 'vitest';
import { root, runCommand } from './command.ts';

describe('a command behind a step', () => {
  it('is killed with what it started when it hangs, and says so', async () => {
    const result = await runCommand(['sh', '-c', 'echo begun; sleep 1000 & sleep 1000'], root, 300);

    expect(result.code).toBe(124);
    expect(result.output).toContain('begun');
    expect(result.output).toContain('killed');
  });

  it('ends with the code of its program', async () => {
    expect((await runCommand(['sh', '-c', 'exit 7'])).code).toBe(7);
  });

  it('that does not exist is a failure', async () => {
    expect((await runCommand(['no-such-program-here'])).code).toBe(127);
  });
});
