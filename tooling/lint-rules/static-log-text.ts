/**
 * The text of an event is static and its data stands in fields: a log that is searched by text finds every occurrence.
 * Holds `defineEvent({ name, text })` to literals, and the first text argument of `log.info(...)` and its sisters too.
 */
import { propertyName, rule, type SyntaxNode } from './rule.ts';

const logMethods: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error', 'fatal', 'trace']);
const message = 'log text is static: put what changes into a field';

export const staticLogText = rule('event names and log texts are literals', (context) => ({
  CallExpression(node) {
    if (node.callee?.name === 'defineEvent')
      for (const entry of builtEntries(node)) context.report({ node: entry, message });
    if (isLogCall(node))
      for (const each of node.arguments ?? []) if (isBuiltText(each)) context.report({ node: each, message });
  },
}));

/** The `name` and `text` of an event that are not literals. */
function builtEntries(call: SyntaxNode): readonly SyntaxNode[] {
  const entries = call.arguments?.[0]?.properties ?? [];
  return entries.filter((entry) => /^(name|text)$/.test(propertyName(entry) ?? '') && !isStatic(entry.value));
}

function isStatic(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  if (value.type === 'Literal') return true;
  return (
    value.type === 'TemplateLiteral' &&
    'expressions' in value &&
    Array.isArray(value.expressions) &&
    value.expressions.length === 0
  );
}

function isLogCall(node: SyntaxNode): boolean {
  const callee = node.callee;
  if (callee?.type !== 'MemberExpression' || !logMethods.has(propertyName(callee) ?? '')) return false;
  const receiver = callee.object;
  const name = receiver?.type === 'MemberExpression' ? propertyName(receiver) : receiver?.name;
  return name === 'log' || name === 'logger';
}

/** A template with holes, or texts put together with `+`. */
function isBuiltText(node: SyntaxNode): boolean {
  if (node.type === 'TemplateLiteral') return (node.expressions?.length ?? 0) > 0;
  return node.type === 'BinaryExpression';
}
