/** Sends by swaks, a client that is not ours. */
import { spawn } from 'node:child_process';

/** Exit code 0 = accepted; the transcript says the rest. */
export interface SwaksResult {
  readonly code: number | null;
  readonly transcript: string;
}

/** Runs swaks against a port of this machine. `data` is the whole content, header section included. */
export async function swaks(port: number, args: readonly string[], data?: string): Promise<SwaksResult> {
  const content = data === undefined ? [] : ['--data', '-'];
  const child = spawn('swaks', [
    '--server',
    '127.0.0.1',
    '--port',
    String(port),
    '--helo',
    'client.test',
    ...args,
    ...content,
  ]);
  let transcript = '';
  const take = (chunk: Buffer): void => {
    transcript += chunk.toString('latin1');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.end(data ?? '', 'latin1');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, transcript };
}
