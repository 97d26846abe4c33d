/**
 * What `railpost status` says when NATS cannot be asked: what every process says of itself over HTTP. Nothing else is known then.
 */
import { askHttp } from '@railpost/bus';
import { z } from 'zod';
import type { BusSilentComplaint } from '../platform/open-platform.ts';

/** The part of `/health` that is shown. */
const Health = z.object({ stage: z.string(), problems: z.array(z.string()) });

/** Every problem once, with those who state it. */
export interface SilentStatus {
  readonly complaint: string;
  readonly processes: readonly {
    readonly name: string;
    readonly stage: string;
    readonly problems: readonly string[];
  }[];
}

const answerMs = 2000;

/** Asks all processes of a platform that `railpost up` runs. */
export async function gatherSilentStatus(complaint: BusSilentComplaint): Promise<SilentStatus> {
  const asked = (complaint.run?.processes ?? []).map(async ({ name, httpUrl }) => ({
    name,
    ...(await askHealth(httpUrl)),
  }));
  return { complaint: complaint.message, processes: await Promise.all(asked) };
}

/** The text. Pure. */
export function formatSilentStatus({ complaint, processes }: SilentStatus): string {
  const byProblem = new Map<string, string[]>();
  for (const { name, problems } of processes)
    for (const problem of problems) byProblem.set(problem, [...(byProblem.get(problem) ?? []), name]);
  const silent = processes.filter(({ stage }) => stage === 'silent').map(({ name }) => name);
  return [
    'Problems:',
    `  ${complaint}`,
    ...[...byProblem].map(([problem, names]) => `  ${names.join(', ')}: ${problem}`),
    ...(silent.length === 0 ? [] : [`  ${silent.join(', ')}: no answer`]),
    '',
  ].join('\n');
}

async function askHealth(httpUrl: string | undefined): Promise<z.infer<typeof Health>> {
  try {
    const { body } = await askHttp(`${httpUrl ?? ''}/health`, answerMs);
    return Health.parse(JSON.parse(body));
  } catch {
    // Not running, or standing still: that is what is to be told.
    return { stage: 'silent', problems: [] };
  }
}
