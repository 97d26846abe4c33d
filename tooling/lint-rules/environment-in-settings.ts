/**
 * Settings come from one place per service: `process.env` is read in config.ts, settings.ts, `*-settings.ts` or a
 * settings/ folder, and nowhere else. Tests and tooling start processes and may hand the environment on.
 */
import { roleOf } from './file-role.ts';
import { isMember, rule } from './rule.ts';

/** Where the environment may be read. */
const settingsFile = /(^|\/)settings\/|(^|\/)(config|settings|[a-z0-9-]+-settings)\.ts$/;

export const environmentInSettings = rule('process.env is read in settings files only', (context) => {
  const role = roleOf(context.filename);
  if (role.isTest || role.unit === 'tooling' || settingsFile.test(role.path)) return {};
  return {
    MemberExpression(node) {
      if (isMember(node, 'process', 'env'))
        context.report({
          node,
          message: 'process.env outside config.ts: read it there and pass the value down',
        });
    },
    ImportDeclaration(node) {
      const importsEnv = node.specifiers?.some((each) => 'imported' in each && isNamed(each.imported, 'env'));
      if (importsEnv === true && node.source?.value === 'node:process')
        context.report({
          node,
          message: 'process.env outside config.ts: read it there and pass the value down',
        });
    },
  };
});

function isNamed(node: unknown, name: string): boolean {
  return typeof node === 'object' && node !== null && 'name' in node && node.name === name;
}
