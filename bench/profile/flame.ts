/**
 * A flame graph as one SVG file: callers below, callees above, width = time with all callees. Functions that are narrower than a
 * thousandth are left out. Point at a box for its name, place and share.
 */
import type { CallNode } from './cpu-profile.ts';

const layout = { width: 1400, row: 17, top: 34 };
const narrowest = 0.001;

interface Box {
  readonly name: string;
  readonly place: string;
  readonly owner: string;
  readonly share: number;
  readonly start: number;
  readonly depth: number;
}

/** Draws it. @param title what was profiled */
export function drawFlame(root: CallNode, title: string): string {
  const boxes: Box[] = [];
  lay([root], { start: 0, depth: 0, wholeMs: root.totalMs }, boxes);
  const depth = Math.max(0, ...boxes.map((box) => box.depth)) + 1;
  const height = layout.top + depth * layout.row + 8;
  const drawn = boxes.map((box) => drawBox(box, height));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${layout.width} ${height}" width="${layout.width}" height="${height}" font-family="ui-monospace, monospace" font-size="11">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="8" y="20" font-size="14">${escape(title)}: ${(root.totalMs / 1000).toFixed(2)} s busy</text>
${drawn.join('\n')}
</svg>
`;
}

/** Siblings of one function are one box: their callees are laid together. */
function lay(
  nodes: readonly CallNode[],
  at: { readonly start: number; readonly depth: number; readonly wholeMs: number },
  boxes: Box[],
): void {
  const groups = new Map<string, CallNode[]>();
  for (const node of nodes) {
    const key = `${node.name} ${node.place}`;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  let { start } = at;
  const sorted = [...groups.values()].toSorted((left, right) => timeOf(right) - timeOf(left));
  for (const group of sorted) {
    const share = timeOf(group) / at.wholeMs;
    const [first] = group;
    if (first === undefined || share < narrowest) continue;
    const { name, place, owner } = first;
    boxes.push({ name, place, owner, share, start, depth: at.depth });
    const callees = group.flatMap((node) => node.children);
    lay(callees, { start, depth: at.depth + 1, wholeMs: at.wholeMs }, boxes);
    start += share;
  }
}

function timeOf(nodes: readonly CallNode[]): number {
  return nodes.reduce((sum, node) => sum + node.totalMs, 0);
}

function drawBox(box: Box, height: number): string {
  const x = box.start * layout.width;
  const width = box.share * layout.width;
  const y = height - 8 - (box.depth + 1) * layout.row;
  const label = box.name.slice(0, Math.floor(width / 6.8));
  const text =
    label.length < 3 ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escape(label)}</text>`;
  const tip = `${box.name} ${box.place} ${(box.share * 100).toFixed(1)} %`;
  return `<g><title>${escape(tip)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${layout.row - 1}" fill="${colourOf(box.owner)}"/>${text}</g>`;
}

/** Ours orange, packages yellow, Node green, native grey. */
function colourOf(owner: string): string {
  if (owner === 'native') return '#d0d7de';
  if (owner === 'node') return '#9bd3ae';
  return owner.startsWith('npm ') ? '#f2d675' : '#f0a36b';
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
