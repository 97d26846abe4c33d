/**
 * Files that decide (stages/, policy/, schedule/, decide.ts of a service) get everything from outside as arguments: they
 * import no adapter, no runtime, no client library and nothing of Node. Types may come from anywhere: they do nothing.
 */
import { roleOf } from './file-role.ts';
import { rule, stringValue } from './rule.ts';

const doing = /^(node:|@nats-io\/|@aws-sdk\/|@railpost\/(runtime|bus|spool|smtp|dns|kube)$)/;

export const pureImports = rule('deciding files import no adapter', (context) => {
  const role = roleOf(context.filename);
  if (!role.isPure || !role.unit.startsWith('services/')) return {};
  return {
    ImportDeclaration(node) {
      const source = stringValue(node.source) ?? '';
      const isTypeOnly = node.importKind === 'type' || everySpecifierIsType(node.specifiers);
      if (doing.test(source) && !isTypeOnly)
        context.report({
          node,
          message: `a file that decides imports ${source}: gather the facts outside and pass them in`,
        });
    },
  };
});

function everySpecifierIsType(specifiers: readonly { readonly importKind?: string }[] | undefined): boolean {
  return (
    specifiers !== undefined &&
    specifiers.length > 0 &&
    specifiers.every((each) => each.importKind === 'type')
  );
}
