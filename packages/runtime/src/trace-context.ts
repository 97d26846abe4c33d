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

const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** Parses a traceparent; undefined when it is malformed or all zeros (then a new trace begins). */
export function parseTraceparent(value: string | undefined): TraceContext | undefined {
  if (value === undefined || !/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(value)) return undefined;
  const traceId = value.slice(3, 35);
  const spanId = value.slice(36, 52);
  if (traceId === noTrace || spanId === noSpan) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(value.slice(53), 16) & 1) === 1 };
}

/** Starts a trace. */
export function createTraceparent(): string {
  return `00-${randomUUID().replaceAll('-', '')}-${randomSpanId()}-01`;
}

/** A child span of `parent`, or a new trace when there is no usable parent. */
export function continueTraceparent(parent: string | undefined): string {
  const context = parseTraceparent(parent);
  if (context === undefined) return createTraceparent();
  return `00-${context.traceId}-${randomSpanId()}-${context.isSampled ? '01' : '00'}`;
}

/** 16 hex digits, never zeros only: the end of a UUID, variant included, because Node makes those out of a pool. */
function randomSpanId(): string {
  const uuid = randomUUID();
  return uuid.slice(19, 23) + uuid.slice(24);
}
