/**
 * `railpost explain ADDRESS [--from SENDER] -f PATH...`: what would happen to a recipient, by the very resolver that the pipeline
 * uses: the answer to RCPT, every replacement, every next hop, and the rule behind each. Offline: works on manifests.
 * Exit code 0: explained; 1: the manifests have errors; 2: wrong arguments.
 */
import { parseArgs } from 'node:util';
import { createSnapshot, explain, formatExplanation } from '@railpost/config';
import type { CommandOutput } from '../command-output.ts';
import { formatProblem } from '../folder/format-problem.ts';
import { compileOffline } from '../folder/offline.ts';

/** For `railpost explain --help`. */
export const explainUsage = `Usage: railpost explain ADDRESS [--from SENDER] [--json] -f PATH...

Says what happens to mail for ADDRESS: whether RCPT accepts it, what it expands to, where that goes, and by which rule.
  --from SENDER   reverse-path; sender routes depend on it (default: the null reverse-path)
  -f PATH         folder or file of manifests; may be repeated (default: examples/quickstart and examples/laptop)
  --json          print it as JSON
Exit code: 0 explained, 1 the manifests have errors, 2 wrong arguments.
`;

/** What `npm start` loads. */
const defaultPaths: readonly string[] = ['examples/quickstart', 'examples/laptop'];

/** Runs the command. */
export async function explainCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  const request = parseExplain(args);
  if (typeof request === 'string') {
    out.complaint(`railpost explain: ${request}\n${explainUsage}`);
    return 2;
  }
  if (request.isHelp) {
    out.result(explainUsage);
    return 0;
  }
  const { compilation, problems, hasErrors } = await compileOffline(request.paths);
  if (hasErrors || compilation.root === undefined) {
    const errors = problems.filter((each) => each.severity === 'error').map(formatProblem);
    out.complaint(`${[...errors, 'railpost explain: the manifests have errors'].join('\n')}\n`);
    return 1;
  }
  const explanation = explain(createSnapshot(compilation.units), request.address, request.sender);
  out.result(
    request.isJson ? `${JSON.stringify(explanation, undefined, 2)}\n` : formatExplanation(explanation),
  );
  return 0;
}

interface ExplainRequest {
  readonly address: string;
  readonly sender: string;
  readonly paths: readonly string[];
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

function parseExplain(args: readonly string[]): ExplainRequest | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: 'string', default: '' },
        file: { type: 'string', short: 'f', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const [address, ...more] = positionals;
    if (!values.help && address === undefined) return 'name an address to explain';
    return {
      address: withoutBrackets(address ?? ''),
      sender: withoutBrackets(values.from),
      // As `railpost up` takes them: -f DIR DIR, or -f DIR -f DIR.
      paths: values.file.length + more.length === 0 ? defaultPaths : [...values.file, ...more],
      isJson: values.json,
      isHelp: values.help,
    };
  } catch (error) {
    // parseArgs throws for options that it does not know; its text says which.
    return error instanceof Error ? error.message : String(error);
  }
}

function withoutBrackets(address: string): string {
  return address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
}
