/**
 * A test that does not run reports nothing wrong for ever: no skip, todo or only, and no condition that decides at run
 * time. A peer that is missing is a failure.
 */
import { roleOf } from './file-role.ts';
import { propertyName, rule } from './rule.ts';

const suites: ReadonlySet<string> = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const idle: ReadonlySet<string> = new Set(['skip', 'skipIf', 'runIf', 'todo', 'only', 'fails']);

export const noIdleTests = rule('every test runs', (context) => {
  if (!roleOf(context.filename).isTest) return {};
  return {
    MemberExpression(node) {
      if (suites.has(node.object?.name ?? '') && idle.has(propertyName(node) ?? ''))
        context.report({
          node,
          message: 'every test runs: make it pass, make the peer’s absence a failure, or delete it',
        });
    },
  };
});
