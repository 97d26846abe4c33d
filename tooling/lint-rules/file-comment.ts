/** Each shipped file opens by saying what it is for: a block comment before its first line of code. */
import { roleOf } from './file-role.ts';
import { rule } from './rule.ts';

export const fileComment = rule('a file opens with a comment that says what it is for', (context) => ({
  Program(node) {
    if (roleOf(context.filename).isTest) return;
    const text = context.sourceCode.text.replace(/^#![^\n]*\n/, '');
    if (!/^\s*\/\*[\s*]*[^\s*/]/.test(text))
      context.report({
        node,
        message: 'open the file with a comment of 2-8 lines: what it is for, how it fails',
      });
  },
}));
