/**
 * W3C trace context (https://www.w3.org/TR/trace-context/, `traceparent` version 00): created in the session, carried in
 * records and bus headers, continued in each hop. Nothing is exported yet; the ids stand in log lines.
 */
import { randomUUID } from 'node:crypto';

/** Name of the bus header. */
export const traceparentHeader = 'traceparent';

/** A parsed traceparent. */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** Parses a traceparent; undefined when it is malformed or all zeros (then a new trace begins). */
export function parseTraceparent(value: string | undefined): TraceContext | undefined {
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(value ?? '');
  const [, traceId, spanId, flags] = parts ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Starts a trace. */
export function createTraceparent(): string {
  return `00-${randomDigits()}-${randomDigits().slice(16)}-01`;
}

/** A child span of `parent`, or a new trace when there is no usable parent. */
export function continueTraceparent(parent: string | undefined): string {
  const context = parseTraceparent(parent);
  if (context === undefined) return createTraceparent();
  return `00-${context.traceId}-${randomDigits().slice(16)}-${context.isSampled ? '01' : '00'}`;
}

/** 32 hex digits, never zeros only: a UUID, because Node makes those out of a pool. */
function randomDigits(): string {
  return randomUUID().replaceAll('-', '');
}
