/**
 * Where a field of a YAML document stands: line and column of the key or item, or of the nearest thing above it that exists
 * (a field that is missing has no place of its own).
 */
import type { FieldPath } from '@railpost/config';
import { type Document, type LineCounter, type Node, type Pair, isMap, isNode, isScalar, isSeq } from 'yaml';

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Finds the place of a field. */
export function locateField(document: Document, lines: LineCounter, path: FieldPath): Place {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    const next = descend(node, step);
    if (next === undefined) break;
    offset = next.offset ?? offset;
    node = next.node;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

interface Descent {
  readonly node: unknown;
  readonly offset: number | undefined;
}

function descend(node: unknown, step: string | number): Descent | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item: Pair) => isScalar(item.key) && item.key.value === step);
    return pair && { node: pair.value, offset: startOf(pair.key) };
  }
  if (isSeq(node) && typeof step === 'number') {
    const item: unknown = node.items[step];
    return item === undefined ? undefined : { node: item, offset: startOf(item) };
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
