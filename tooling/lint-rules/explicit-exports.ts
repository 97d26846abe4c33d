/** `export *` publishes names that nobody chose: a package's index names each of its exports. */
import { rule } from './rule.ts';

export const explicitExports = rule('exports are named one by one', (context) => ({
  ExportAllDeclaration(node) {
    context.report({ node, message: 'export * publishes names nobody chose: name the exports' });
  },
}));
