/** Where the time goes, as tables: by owner of the code, and by function. */
import { formatTable } from '../table.ts';
import type { CallNode } from './cpu-profile.ts';

/** Both tables. @param count functions to show */
export function formatTop(root: CallNode, count: number): string {
  const owners = new Map<string, number>();
  const functions = new Map<string, number>();
  visit(root, (node) => {
    if (node.selfMs === 0) return;
    const owner = node.owner === 'native' ? `native ${node.name}` : node.owner;
    add(owners, ['(program)', '(garbage collector)'].includes(node.name) ? node.name : owner, node.selfMs);
    add(functions, `${node.name}  ${node.place}`, node.selfMs);
  });
  const share = (ms: number): string => `${((ms / root.totalMs) * 100).toFixed(1)} %`;
  const rows = (figures: ReadonlyMap<string, number>): string[][] =>
    [...figures]
      .toSorted(([, left], [, right]) => right - left)
      .slice(0, count)
      .map(([what, ms]) => [what, ms.toFixed(0), share(ms)]);
  return `busy ${(root.totalMs / 1000).toFixed(2)} s\n\n${formatTable(['whose code', 'self ms', 'of busy'], rows(owners))}\n${formatTable(['function', 'self ms', 'of busy'], rows(functions))}`;
}

function visit(node: CallNode, look: (node: CallNode) => void): void {
  look(node);
  for (const child of node.children) visit(child, look);
}

function add(sums: Map<string, number>, key: string, ms: number): void {
  sums.set(key, (sums.get(key) ?? 0) + ms);
}
