import { describe, expect, it } from 'vitest';
import { continueTraceparent, createTraceparent, parseTraceparent } from './trace-context.ts';

describe('trace context', () => {
  it('parses what it creates', () => {
    expect(parseTraceparent(createTraceparent())).toMatchObject({ isSampled: true });
  });

  it('keeps the trace id and changes the span id in a child', () => {
    const parent = createTraceparent();

    const child = parseTraceparent(continueTraceparent(parent));

    expect(child?.traceId).toBe(parseTraceparent(parent)?.traceId);
    expect(child?.spanId).not.toBe(parseTraceparent(parent)?.spanId);
  });

  it('keeps the decision not to sample', () => {
    const child = continueTraceparent(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`);

    expect(child).toMatch(/^00-a{32}-[0-9a-f]{16}-00$/);
  });

  it.each([
    undefined,
    '',
    'rubbish',
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
    `00-${'A'.repeat(32)}-${'b'.repeat(16)}-01`,
  ])('begins a new trace after the malformed parent %s', (parent) => {
    expect(parseTraceparent(parent)).toBeUndefined();
    expect(parseTraceparent(continueTraceparent(parent))).toBeDefined();
  });
});
