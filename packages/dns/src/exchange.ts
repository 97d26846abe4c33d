/**
 * One question to one name server: UDP with EDNS(0) (RFC 6891), TCP when the answer was truncated (RFC 7766).
 * Each question has a socket and a random id of its own (RFC 5452); a datagram that does not repeat id and question is
 * ignored. Every wait is bounded by the deadline.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';
import { type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { DnsError } from './errors.ts';
import type { NameServer } from './servers.ts';

/** Record types that we ask for. */
export type QuestionType = 'MX' | 'A' | 'AAAA' | 'TXT' | 'CNAME';

/** A question. */
export interface Question {
  readonly name: string;
  readonly type: QuestionType;
}

/** UDP payload that fits everywhere without fragments (DNS flag day 2020). */
const udpPayloadSize = 1232;

/** Asks one server. @throws DnsError `DNS_TIMEOUT`, or `DNS_SERVER_FAILURE` when the server cannot be talked to */
export async function exchange(
  server: NameServer,
  question: Question,
  timeoutMs: number,
): Promise<DecodedPacket> {
  const deadline = performance.now() + timeoutMs;
  const answer = await overUdp(server, question, timeoutMs);
  if (!answer.flag_tc) return answer;
  return await overTcp(server, question, Math.max(1, deadline - performance.now()));
}

function query(question: Question): { readonly id: number; readonly packet: Uint8Array } {
  const id = randomInt(0x10000);
  const packet = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  return { id, packet };
}

function overUdp(server: NameServer, question: Question, timeoutMs: number): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const { id, packet } = query(question);
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish(timedOut(server, question)), timeoutMs);
    const finish = (result: DecodedPacket | DnsError): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      // A late ICMP error may still come to the closing socket.
      socket.on('error', () => undefined);
      socket.close();
      if (result instanceof DnsError) reject(result);
      else resolve(result);
    };
    socket.once('error', (cause) => finish(unreachable(server, cause)));
    socket.on('message', (message) => {
      const answer = decodeAnswer(message, id, question);
      if (answer !== undefined) finish(answer);
    });
    // Connected, the socket takes datagrams of this server only, and hears that nobody listens there.
    socket.connect(server.port, server.address, () => socket.send(packet));
  });
}

function overTcp(server: NameServer, question: Question, timeoutMs: number): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const { id, packet } = query(question);
    const socket = createConnection({ host: server.address, port: server.port });
    const timer = setTimeout(() => finish(timedOut(server, question)), timeoutMs);
    let received: Buffer = Buffer.alloc(0);
    const finish = (result: DecodedPacket | DnsError): void => {
      clearTimeout(timer);
      socket.destroy();
      if (result instanceof DnsError) reject(result);
      else resolve(result);
    };
    socket.on('error', (cause) => finish(unreachable(server, cause)));
    socket.on('close', () => finish(unreachable(server, new Error('connection closed'))));
    socket.on('data', (chunk: Buffer) => {
      // At most one message of 64 KiB is expected; whatever else comes ends the exchange.
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = decodeAnswer(received.subarray(2, 2 + received.readUInt16BE(0)), id, question);
      finish(answer ?? unreachable(server, new Error('answer to another question')));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    socket.write(Buffer.concat([length, packet]));
  });
}

function decodeAnswer(message: Buffer, id: number, question: Question): DecodedPacket | undefined {
  let answer: DecodedPacket;
  try {
    answer = decode(message);
  } catch {
    // Not a DNS message: as if it had not come; the deadline decides.
    return undefined;
  }
  if (answer.type !== 'response' || answer.id !== id) return undefined;
  const repeated = answer.questions?.[0];
  // A server that cannot parse the question answers FORMERR without repeating it.
  if (repeated === undefined) return answer.answers?.length === 0 ? answer : undefined;
  const isSame = repeated.type === question.type && sameName(repeated.name, question.name);
  return isSame ? answer : undefined;
}

/** Compares domain names without case and without the final dot. */
function sameName(one: string, other: string): boolean {
  return canonicalName(one) === canonicalName(other);
}

/** Lower case, no final dot. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function timedOut(server: NameServer, question: Question): DnsError {
  return new DnsError(
    'DNS_TIMEOUT',
    `no answer from ${server.address} for ${question.name} ${question.type}`,
  );
}

function unreachable(server: NameServer, cause: unknown): DnsError {
  return new DnsError('DNS_SERVER_FAILURE', `cannot talk to name server ${server.address}`, { cause });
}
