/**
 * Pure code knows neither the time nor chance: `now` and random numbers are arguments. The compiler bans the rest of the
 * outside world there (`types: []`), but Date and Math are part of the language.
 */
import { roleOf } from './file-role.ts';
import { isMember, rule } from './rule.ts';

export const pureClock = rule('pure code reads neither clock nor dice', (context) => {
  if (!roleOf(context.filename).isPure) return {};
  return {
    MemberExpression(node) {
      if (
        isMember(node, 'Date', 'now') ||
        isMember(node, 'Math', 'random') ||
        isMember(node, 'performance', 'now')
      )
        context.report({ node, message: 'pure code reads no clock and no dice: pass the value in' });
    },
    NewExpression(node) {
      if (node.callee?.name === 'Date' && node.arguments?.length === 0)
        context.report({ node, message: 'pure code reads no clock: pass the time in' });
    },
    CallExpression(node) {
      if (node.callee?.name === 'Date')
        context.report({ node, message: 'pure code reads no clock: pass the time in' });
    },
  };
});
