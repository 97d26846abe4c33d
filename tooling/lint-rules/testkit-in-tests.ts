/** The test kit starts servers and must never reach a shipped file: only tests and their support may import it. */
import { roleOf } from './file-role.ts';
import { rule, stringValue, type SyntaxNode } from './rule.ts';

export const testkitInTests = rule('@railpost/testkit is imported by tests only', (context) => {
  const role = roleOf(context.filename);
  if (role.isTest) return {};
  const check = (node: SyntaxNode) => {
    if (stringValue(node.source)?.startsWith('@railpost/testkit') === true)
      context.report({
        node,
        message: '@railpost/testkit is for tests: move this into a test or its test/ folder',
      });
  };
  return {
    ImportDeclaration: check,
    ImportExpression: check,
    ExportNamedDeclaration: check,
    ExportAllDeclaration: check,
  };
});
