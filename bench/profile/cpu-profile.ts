/**
 * A CPU profile as V8 writes it (`--cpu-prof`): samples of the stack, each with the time since the one before. Turned into a tree with
 * times. `(program)` is native code that no JavaScript called for, `(idle)` is waiting and is left out.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** One function at one place of the call tree. */
export interface CallNode {
  readonly name: string;
  /** File and line below the repository; empty for native code. */
  readonly place: string;
  /** Whose code it is: `packages/bus`, `services/cleanup`, `npm @nats-io/nats-core`, `node`, `native`. */
  readonly owner: string;
  selfMs: number;
  /** Of this function and all that it called. */
  totalMs: number;
  readonly children: CallNode[];
}

const CpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Reads a profile. @param skipMs samples before that are left out (start, warm-up) */
export async function readCpuProfile(path: string, skipMs = 0): Promise<CallNode> {
  const profile = CpuProfile.parse(JSON.parse(await readFile(path, 'utf8')));
  const nodes = new Map(profile.nodes.map(({ id, callFrame }) => [id, callNodeOf(callFrame)]));
  for (const { id, children = [] } of profile.nodes)
    nodes.get(id)?.children.push(...children.flatMap((child) => nodes.get(child) ?? []));
  addSamples(profile, nodes, skipMs * 1000);
  const root = nodes.get(profile.nodes[0]?.id ?? 0);
  if (root === undefined) throw new Error(`${path} is an empty profile`);
  addUp(root);
  return root;
}

function addSamples(
  profile: z.infer<typeof CpuProfile>,
  nodes: ReadonlyMap<number, CallNode>,
  skipUs: number,
): void {
  let atUs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const deltaUs = profile.timeDeltas[index] ?? 0;
    atUs += deltaUs;
    const node = nodes.get(id);
    if (node !== undefined && node.name !== '(idle)' && atUs >= skipUs) node.selfMs += deltaUs / 1000;
  }
}

function callNodeOf(frame: {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}): CallNode {
  const { owner, place } = placeOf(frame.url);
  const line = place === '' ? '' : `:${frame.lineNumber + 1}`;
  return {
    name: frame.functionName || '(anonymous)',
    place: `${place}${line}`,
    owner,
    ...{ selfMs: 0, totalMs: 0, children: [] },
  };
}

function placeOf(url: string): { readonly owner: string; readonly place: string } {
  if (url === '') return { owner: 'native', place: '' };
  if (!url.startsWith('file:')) return { owner: 'node', place: url };
  const path = fileURLToPath(url);
  const [, dependency] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
  if (dependency !== undefined && !dependency.startsWith('@railpost'))
    return { owner: `npm ${dependency}`, place: path.slice(path.lastIndexOf('/node_modules/') + 14) };
  const place = path.startsWith(repository) ? path.slice(repository.length) : path;
  return { owner: place.split('/').slice(0, 2).join('/'), place };
}

/** The call tree is as deep as the stack was: a recursion is no danger. */
function addUp(node: CallNode): number {
  node.totalMs = node.selfMs;
  for (const child of node.children) node.totalMs += addUp(child);
  return node.totalMs;
}
