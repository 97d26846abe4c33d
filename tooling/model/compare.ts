/** Lines of the model and what they must say. Pure. */

/** One run: the pipeline or a mechanism as built, or a mutant of it. */
export interface ModelLine {
  readonly kind: string;
  readonly name: string;
  /** Number of states, or `-` where a mutant is run in several scenarios. */
  readonly states: string;
  /** Kinds of violations, separated by spaces. */
  readonly violations: string;
}

/**
 * Violations that no rule removes: a worker dies between the remote's 250 and the owner's journal entry (11, 23, 27), and the configuration
 * changes between a cleanup crash and the redelivery (05).
 */
const inherent: Readonly<Record<string, readonly string[]>> = {
  '05': ['DUPC', 'DUPJ'],
  '11': ['BOTH', 'DUPC'],
  '23': ['DUPC'],
  '27': ['DUPC'],
};

/** Lines of the model's output; other lines are passed over. */
export function parseLines(text: string): ModelLine[] {
  return text.split('\n').flatMap((line) => {
    const [kind = '', name = '', states = '', violations = ''] = line.split('\t');
    return kind === 'built' || kind === 'mutant' ? [{ kind, name, states, violations }] : [];
  });
}

/** What is not as committed, and what may not be whatever was committed; empty when all is well. */
export function differences(lines: readonly ModelLine[], expected: readonly ModelLine[]): string[] {
  const known = new Map(expected.map((line) => [line.name, line]));
  const changed = lines.flatMap((line) => {
    const before = known.get(line.name);
    if (before === undefined) return [`${line.name}: not in expected.txt`];
    return format(before) === format(line) ? [] : [`${line.name}: was ${format(before)}, is ${format(line)}`];
  });
  return lines.length === 0 ? ['the model said nothing'] : [...changed, ...lines.flatMap(judge)];
}

function judge({ kind, name, violations }: ModelLine): string[] {
  const found = violations.split(' ').filter((each) => each !== '');
  if (kind === 'mutant') return found.length === 0 ? [`${name}: the mutant survives`] : [];
  const allowed = inherent[name.slice(0, 2)] ?? [];
  const wrong = found.filter((each) => !allowed.includes(each));
  return wrong.length === 0 ? [] : [`${name}: violates ${wrong.join(', ')}`];
}

function format({ kind, states, violations }: ModelLine): string {
  return `${kind}, ${states} states, ${violations === '' ? 'no violation' : violations}`;
}
