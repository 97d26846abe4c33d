/**
 * Files and folders are kebab-case and named after an idea. `utils`, `helpers` and their kin say only that nobody found
 * the idea, and collect whatever has no better place.
 */
import { roleOf } from './file-role.ts';
import { rule } from './rule.ts';

const kebabFile = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|itest|config))*\.(ts|mjs)$/;
const kebabFolder = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const nameless = /^(utils?|helpers?|common|misc|types|interfaces|classes|shared|lib)$/;

export const fileNames = rule('files and folders are kebab-case and named after an idea', (context) => ({
  Program(node) {
    const role = roleOf(context.filename);
    const folders = role.path.split('/').slice(0, -1);
    if (!kebabFile.test(role.name))
      context.report({ node, message: `file name ${role.name} is not kebab-case` });
    for (const folder of folders)
      if (!kebabFolder.test(folder))
        context.report({ node, message: `folder name ${folder} is not kebab-case` });
    for (const name of [...folders, role.name.split('.')[0] ?? ''])
      if (nameless.test(name)) context.report({ node, message: `${name} names no idea: say what is in it` });
  },
}));
