/**
 * The durability gate (durability rule 1): reads `/varz` of every monitor URL. A server below 2.15.1, or without
 * `sync_interval: always`, is a problem until it has been seen corrected. A monitor that cannot be reached is asked again
 * every 5 s; it is a problem only while no server at all has been checked, because one node of a cluster may be down.
 */
import { z } from 'zod';
import { askHttp } from './http-answer.ts';

const Varz = z.object({
  version: z.string(),
  jetstream: z.object({ config: z.object({ sync_always: z.boolean().optional() }).optional() }).optional(),
});

const minimumVersion = [2, 15, 1] as const;
const repeatMs = 5000;
const monitorTimeoutMs = 2000;

/** The running check. */
export interface ServerCheck {
  /** Asks all monitors now. Never rejects. */
  run(): Promise<void>;
  problems(): readonly string[];
  close(): void;
}

/** Makes the check; it repeats by itself while something is unknown or wrong. */
export function openServerCheck(monitorUrls: readonly string[]): ServerCheck {
  const verdicts = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function run(): Promise<void> {
    clearTimeout(timer);
    await Promise.all(
      monitorUrls.map(async (url) => {
        const verdict = await checkServer(url);
        // A server that was good and is away now has not changed its settings; after its restart it is asked again.
        if (verdict !== undefined) verdicts.set(url, verdict);
      }),
    );
    const isSettled = monitorUrls.every((url) => verdicts.get(url) === '');
    if (!isSettled && !isClosed) timer = setTimeout(() => void run(), repeatMs);
  }

  function problems(): readonly string[] {
    if (verdicts.size === 0) return ['no NATS monitor could be reached: sync_always is unknown'];
    return [...verdicts.values()].filter((verdict) => verdict !== '');
  }

  return {
    run,
    problems,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** Empty text: good. Text: what is wrong. Undefined: could not be asked. */
async function checkServer(url: string): Promise<string | undefined> {
  try {
    const { body } = await askHttp(new URL('/varz', url), monitorTimeoutMs);
    return judgeServer(url, JSON.parse(body));
  } catch {
    // Refused, timed out or not JSON: unknown, asked again.
    return undefined;
  }
}

/** Judges the answer of `/varz`; the empty text is good. */
export function judgeServer(url: string, answer: unknown): string {
  const varz = Varz.safeParse(answer);
  if (!varz.success) return `${url} is not the monitor of a nats-server`;
  if (!isAtLeast(varz.data.version, minimumVersion))
    return `nats-server ${varz.data.version} at ${url} is older than ${minimumVersion.join('.')}`;
  if (varz.data.jetstream?.config?.sync_always !== true)
    return `nats-server at ${url} runs without sync_interval: always`;
  return '';
}

function isAtLeast(version: string, minimum: readonly number[]): boolean {
  const parts = version.split(/[.-]/, 3).map(Number);
  for (const [index, wanted] of minimum.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
