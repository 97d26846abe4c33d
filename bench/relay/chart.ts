/** The race as a picture: messages per second end to end, one group of bars for each case, the ratio to Postfix above each bar. */
import { titleOf } from './cases.ts';
import { type RelayReport, medianOf } from './report.ts';

const colours: Readonly<Record<string, string>> = {
  railpost: '#1f6feb',
  postfix: '#8c959f',
  haraka: '#d4a72c',
};
const layout = { width: 960, left: 290, right: 110, bar: 16, gap: 18, top: 66 };

/** An SVG document that stands alone. */
export function drawChart(report: RelayReport): string {
  const { width, left, right, bar, gap, top } = layout;
  const groups = report.results.map((result) => ({
    title: titleOf(result.relayCase),
    postfix: medianOf(result, 'postfix', (round) => round.rate),
    bars: Object.keys(result.rounds).map((name) => ({
      name,
      rate: medianOf(result, name, (round) => round.rate),
    })),
  }));
  const largest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ rate }) => rate)));
  const parts: string[] = [];
  let y = top;
  for (const group of groups) {
    const middle = y + (group.bars.length * bar) / 2 + 4;
    parts.push(`<text x="${left - 12}" y="${middle}" text-anchor="end">${escape(group.title)}</text>`);
    for (const { name, rate } of group.bars) {
      const length = ((width - left - right) * rate) / largest;
      const ratio = Number.isNaN(group.postfix) ? '' : `, ${(rate / group.postfix).toFixed(2)}x`;
      parts.push(
        `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${bar - 3}" fill="${colours[name] ?? '#57606a'}"/>`,
        `<text x="${(left + length + 6).toFixed(1)}" y="${y + bar - 6}" class="n">${rate.toFixed(0)}/s${ratio}</text>`,
      );
      y += bar;
    }
    y += gap;
  }
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const legend = names.map(
    (name, index) =>
      `<rect x="${left + index * 110}" y="40" width="12" height="12" fill="${colours[name] ?? '#57606a'}"/><text x="${left + index * 110 + 18}" y="50">${escape(name)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">
<style>.n { font-size: 11px; fill: #57606a } .t { font-size: 15px; font-weight: 600 }</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="24" class="t">Messages per second, first MAIL to last arrival; every hop durable</text>
<text x="16" y="50" class="n">${escape(report.machine.cpus)}</text>
${legend.join('\n')}
${parts.join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
