/**
 * Released records decode for ever: every fixture under fixtures/ is read with the present schema, loses no field, and a
 * field from a newer peer is tolerated. A new version adds a file; it never edits an old one.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  ControlReply,
  ControlRequest,
  CorruptRecord,
  DeferRecord,
  DeliveryJob,
  DispatchFrame,
  DispatchReply,
  EpochAnnouncement,
  Heartbeat,
  IncomingRecord,
  JournalObject,
  OutcomeAcknowledgement,
  OutcomeFrame,
  Presence,
  decodeIncomingRecord,
  encodeFrame,
} from './index.ts';

/** A fixture is named `<record>.v<N>.json`, or `<record>-dsn.v<N>.json` for fields that came with reports of success. */
function recordOf(file: string): string {
  return file.replace(/(-dsn)?\.v\d+\.json$/, '');
}

const folder = new URL('../fixtures/', import.meta.url);
const schemas = new Map<string, z.ZodType>([
  ['control-reply', ControlReply],
  ['control-request', ControlRequest],
  ['corrupt-record', CorruptRecord],
  ['defer-record', DeferRecord],
  ['delivery-job', DeliveryJob],
  ['dispatch-frame', DispatchFrame],
  ['dispatch-reply', DispatchReply],
  ['epoch-announcement', EpochAnnouncement],
  ['heartbeat', Heartbeat],
  ['journal-object', JournalObject],
  ['outcome-acknowledgement', OutcomeAcknowledgement],
  ['outcome-frame', OutcomeFrame],
  ['presence', Presence],
]);

function readFixture(file: string): Record<string, unknown> {
  const value: unknown = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  if (typeof value !== 'object' || value === null) throw new Error(`${file} is not an object`);
  return { ...value };
}

const files = readdirSync(folder).sort();

describe('recorded contract fixtures', () => {
  it('cover every record that crosses the bus or the spool', () => {
    const names = files.map(recordOf);

    expect([...schemas.keys(), 'incoming-record'].filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(files.filter((file) => !file.startsWith('incoming-record')))(
    '%s decodes without losing a field',
    (file) => {
      const schema = schemas.get(recordOf(file));
      const fixture = readFixture(file);

      expect(schema?.parse(fixture)).toEqual(fixture);
    },
  );

  it.each(files.filter((file) => !file.startsWith('incoming-record')))(
    '%s tolerates a field from a newer peer',
    (file) => {
      const schema = schemas.get(recordOf(file));
      const fixture = readFixture(file);

      expect(schema?.parse({ ...fixture, fieldOfTheFuture: 1 })).toEqual(fixture);
    },
  );

  it.each(files.filter((file) => file.startsWith('incoming-record')))(
    '%s decodes with its octets',
    (file) => {
      const fixture = readFixture(file);
      const octets = Buffer.from(String(fixture['octets']), 'base64');

      const { record, headerSection } = decodeIncomingRecord(encodeFrame(fixture['head'], octets));

      expect(record).toEqual(fixture['head']);
      expect(headerSection).toEqual(new Uint8Array(octets));
      expect(IncomingRecord.safeParse({ ...record, version: 2 }).success).toBe(false);
    },
  );
});
