/**
 * Reply codes and enhanced status codes stand in one table per service, statuses.ts, so that the reply, the DSN and the
 * log line say the same. Elsewhere in services and in the SMTP engine no literal may hold one; comparing a peer's reply
 * code is reading, not deciding, and is allowed.
 */
import { roleOf } from './file-role.ts';
import { propertyName, rule, stringValue, type SyntaxNode } from './rule.ts';

/** RFC 3463: class 2, 4 or 5, a subject of one digit, a detail; not part of an address or a longer version. */
const enhancedCode = /(?<![\d.])[245]\.[0-7]\.\d{1,3}(?![\d.]*\d)/;
/** A reply as it goes over the wire: `250 Ok`, `250-SIZE`. */
const replyLine = /^[245][0-5]\d[ -]\S/;
const replyProperty = /^(code|replyCode|reply)$/;
const message = 'status literal outside statuses.ts: give it a name in the service’s table';

export const statusesInTable = rule('SMTP status literals stand in statuses.ts only', (context) => {
  const role = roleOf(context.filename);
  const isConcerned = role.unit.startsWith('services/') || role.unit === 'packages/smtp';
  if (!isConcerned || role.isTest || /^([a-z0-9-]+-)?statuses\.ts$/.test(role.name)) return {};
  const checkText = (node: SyntaxNode, text: string | undefined) => {
    if (text !== undefined && (enhancedCode.test(text) || replyLine.test(text)))
      context.report({ node, message });
  };
  return {
    Literal: (node) => checkText(node, stringValue(node)),
    TemplateElement: (node) => checkText(node, rawText(node)),
    Property(node) {
      const value = literalNumber(node.value);
      if (replyProperty.test(propertyName(node) ?? '') && value !== undefined && value >= 200 && value < 560)
        context.report({ node, message });
    },
  };
});

function rawText(node: SyntaxNode): string | undefined {
  const { value } = node;
  return typeof value === 'object' && value !== null && 'raw' in value && typeof value.raw === 'string'
    ? value.raw
    : undefined;
}

function literalNumber(node: unknown): number | undefined {
  return typeof node === 'object' && node !== null && 'value' in node && typeof node.value === 'number'
    ? node.value
    : undefined;
}
