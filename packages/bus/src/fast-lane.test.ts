/** The lane takes what is its own, whole and in order, however the octets are cut, and hands on everything else as it came. */
import type { NatsConnection } from '@nats-io/transport-node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FastLane, type LaneMessage } from './fast-lane.ts';

/** A connection whose parser only writes down what it gets. */
function openConnection(parser: object = {}) {
  const seen: string[] = [];
  const recording = {
    state: 0,
    parse: (octets: Uint8Array) => void seen.push(Buffer.from(octets).toString('latin1')),
    ...parser,
  };
  const connection = { protocol: { parser: recording } };
  return {
    seen,
    parser: recording,
    connection: connection as unknown as NatsConnection, // all that a lane looks at
    read: (text: string) => connection.protocol.parser.parse(Buffer.from(text, 'latin1')),
  };
}

function delivery(id: number, payload: string, header = 'NATS/1.0\r\nA: b\r\n\r\n'): string {
  const total = header.length + payload.length;
  return `HMSG rp.def.0.x.j ${id} $JS.ACK.s.c.1.2.3.4.5 ${header.length} ${total}\r\n${header}${payload}\r\n`;
}

const own = 7;

function textOf({ octets, subjectAt, subjectEnd, replyAt, replyEnd, headerAt, headerEnd }: LaneMessage) {
  const ranges = [
    [subjectAt, subjectEnd],
    [replyAt, replyEnd],
    [headerAt, headerEnd],
  ];
  return ranges.map(([start, end]) => octets.toString('latin1', start, end)).join('|');
}

const others = [
  'PING\r\n',
  'PONG\r\n',
  '+OK\r\n',
  "-ERR 'Slow Consumer'\r\n",
  'INFO {"server_id": "a b c d e f g", "headers":true}\r\n',
  'MSG a.b 3 5\r\nHMSG \r\n',
  'MSG a.b 7 _INBOX.x 0\r\n\r\n',
  `HMSG _INBOX.x ${own} 12 12\r\nNATS/1.0\r\n\r\n\r\n`,
  delivery(8, 'of another subscription'),
];

describe('the fast lane', () => {
  it('takes its own and hands on the rest, however the octets are cut', () => {
    const part = fc.oneof(
      fc.constantFrom(...others).map((text) => ({ isOwn: false, text })),
      fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((text) => ({ isOwn: true, text })),
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 150 })),
        (parts, cuts) => {
          const { connection, seen, read } = openConnection();
          const taken: string[] = [];
          new FastLane(connection).open(own, (message) => {
            taken.push(textOf(message));
            seen.push('<own>');
          });

          const wire = parts.map(({ isOwn, text }) => (isOwn ? delivery(own, text) : text)).join('');
          let at = 0;
          for (const cut of cuts) {
            if (at < wire.length) read(wire.slice(at, at + cut));
            at += cut;
          }
          if (at < wire.length) read(wire.slice(at));

          expect(seen.join('')).toBe(parts.map(({ isOwn, text }) => (isOwn ? '<own>' : text)).join(''));
          const count = parts.filter(({ isOwn }) => isOwn).length;
          const one = 'rp.def.0.x.j|$JS.ACK.s.c.1.2.3.4.5|NATS/1.0\r\nA: b\r\n\r\n';
          expect(taken).toEqual(Array.from({ length: count }, () => one));
        },
      ),
    );
  });

  it('leaves a message that the client has begun to the client', () => {
    const { connection, parser, seen, read } = openConnection({ state: 12 });
    const taken: LaneMessage[] = [];
    new FastLane(connection).open(own, (message) => taken.push(message));

    read(delivery(own, ''));
    parser.state = 0;
    read(delivery(own, ''));

    expect(seen).toEqual([delivery(own, '')]);
    expect(taken).toHaveLength(1);
  });

  it('gives back what it has begun when it is closed, and leaves the client alone', () => {
    const { connection, parser, seen, read } = openConnection();
    const close = new FastLane(connection).open(own, () => undefined);
    const laid = parser.parse;
    const message = delivery(own, 'abc');

    read(message.slice(0, 20));
    close();
    read(message.slice(20));

    expect(seen).toEqual([message]);
    expect(parser.parse).not.toBe(laid);
  });

  it('reads another parser when the connection was made anew', () => {
    const first = openConnection();
    const { connection } = first;
    const lane = new FastLane(connection);
    const taken: LaneMessage[] = [];
    lane.open(own, (message) => taken.push(message));
    const second = openConnection();
    Object.assign(connection, second.connection);

    second.read(delivery(own, ''));
    expect(second.seen).toHaveLength(1);
    lane.open(own, (message) => taken.push(message));
    second.read(delivery(own, ''));

    expect(taken).toHaveLength(1);
  });

  it('lets everything go its way when the client has no parser of the known form', () => {
    const connection = {} as unknown as NatsConnection; // nothing of it is known

    expect(() => new FastLane(connection).open(own, () => undefined)()).not.toThrow();
  });
});
