/**
 * Domain names in the one form in which they are compared: A-labels in lower case, no final dot (RFC 5890, RFC 3492).
 * Only what comparison needs: a label outside ASCII is lower-cased, composed (NFC) and encoded; whether IDNA permits it is a
 * question for whoever registers it.
 */

/** `Bücher.TEST.` -> `xn--bcher-kva.test`. Labels that cannot be encoded stay as they are and match nothing of ours. */
export function toALabels(domain: string): string {
  const name = domain.endsWith('.') ? domain.slice(0, -1) : domain;
  if (/^[\x00-\x7f]*$/.test(name)) return name.toLowerCase();
  const labels = name
    .normalize('NFC')
    .toLowerCase()
    .split(/[.。．｡]/);
  return labels
    .map((label) => (/^[\x00-\x7f]*$/.test(label) ? label : `xn--${encodePunycode(label)}`))
    .join('.');
}

/** RFC 3492 section 6.3, with its parameters for IDNA. */
function encodePunycode(label: string): string {
  const points = Array.from(label, (character) => character.codePointAt(0) ?? 0);
  let output = points
    .filter((point) => point < 0x80)
    .map((point) => String.fromCodePoint(point))
    .join('');
  const basic = output.length;
  if (basic > 0) output += '-';
  let handled = basic;
  let threshold = 0x80;
  let delta = 0;
  let bias = 72;
  while (handled < points.length) {
    const next = Math.min(...points.filter((point) => point >= threshold));
    delta += (next - threshold) * (handled + 1);
    threshold = next;
    for (const point of points) {
      if (point < threshold) delta += 1;
      if (point !== threshold) continue;
      output += encodeDelta(delta, bias);
      bias = adaptBias(delta, handled + 1, handled === basic);
      delta = 0;
      handled += 1;
    }
    delta += 1;
    threshold += 1;
  }
  return output;
}

function encodeDelta(delta: number, bias: number): string {
  let rest = delta;
  let text = '';
  for (let position = 36; ; position += 36) {
    const limit = Math.min(26, Math.max(1, position - bias));
    if (rest < limit) return text + digit(rest);
    text += digit(limit + ((rest - limit) % (36 - limit)));
    rest = Math.floor((rest - limit) / (36 - limit));
  }
}

function digit(value: number): string {
  return 'abcdefghijklmnopqrstuvwxyz0123456789'.charAt(value);
}

function adaptBias(delta: number, points: number, isFirst: boolean): number {
  let rest = Math.floor(delta / (isFirst ? 700 : 2));
  rest += Math.floor(rest / points);
  let bias = 0;
  while (rest > 455) {
    rest = Math.floor(rest / 35);
    bias += 36;
  }
  return bias + Math.floor((36 * rest) / (rest + 38));
}
