/**
 * A name server for tests: zones given as a table, UDP and TCP on one ephemeral port of 127.0.0.1, with the faults that
 * resolvers meet (SERVFAIL, silence, delay, truncation). Answers from the table only; what is in no zone is NXDOMAIN.
 */
import { type Socket as DatagramSocket, createSocket } from 'node:dgram';
import { type Server, type Socket, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type DecodedPacket, AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet';

/** What the server does for one name. Types that are not given exist not (NODATA). */
export interface DnsName {
  /** [preference, exchange]; exchange `.` is a null MX. */
  readonly mx?: readonly (readonly [number, string])[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly txt?: readonly string[];
  readonly cname?: string;
  /** @default 60 seconds */
  readonly ttl?: number;
  /** `servfail`: answers that; `silent`: answers nothing; `truncated`: sets TC over UDP, full answer over TCP. */
  readonly fault?: 'servfail' | 'refused' | 'silent' | 'truncated';
  readonly delayMs?: number;
}

/** A running name server. */
export interface DnsServer {
  /** `127.0.0.1:<port>`, as `--dns-servers` takes it. */
  readonly address: string;
  readonly port: number;
  /** Questions so far, as `udp MX example.test`. */
  readonly questions: readonly string[];
  /** Adds or replaces a name; undefined removes it. */
  set(name: string, records: DnsName | undefined): void;
  stop(): Promise<void>;
}

/** Starts a server with the given names (lower case, no final dot). */
export async function startDnsServer(names: Readonly<Record<string, DnsName>> = {}): Promise<DnsServer> {
  const table = new Map(Object.entries(names));
  const questions: string[] = [];
  const sockets = new Set<Socket>();
  const respond = async (message: Buffer, via: 'udp' | 'tcp'): Promise<Buffer | undefined> => {
    const query = decode(message);
    const question = query.questions?.[0];
    if (question === undefined) return undefined;
    questions.push(`${via} ${question.type} ${question.name.toLowerCase()}`);
    const name = table.get(question.name.toLowerCase());
    if (name?.delayMs !== undefined) await sleep(name.delayMs);
    if (name?.fault === 'silent') return undefined;
    return encode(answerTo(query, table, via));
  };

  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serveTcp(socket, respond);
  });
  const port = await listenTcp(tcp);
  const udp = await bindUdp(port, respond);

  return {
    address: `127.0.0.1:${port}`,
    port,
    questions,
    set(name, records) {
      if (records === undefined) table.delete(name);
      else table.set(name, records);
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => tcp.close(() => resolve())),
        new Promise<void>((resolve) => udp.close(() => resolve())),
      ]);
    },
  };
}

/** RCODE values stand in the low bits of the flags word. */
const rcodes = { servfail: 2, nxdomain: 3, refused: 5 } as const;
const truncatedFlag = 1 << 9;

function answerTo(query: DecodedPacket, table: ReadonlyMap<string, DnsName>, via: 'udp' | 'tcp') {
  const questions = query.questions ?? [];
  const asked = questions[0]?.name.toLowerCase() ?? '';
  const base = { type: 'response' as const, id: query.id ?? 0, questions };
  const name = table.get(asked);
  if (name === undefined)
    return { ...base, flags: AUTHORITATIVE_ANSWER | rcodes.nxdomain, authorities: [soa(asked)] };
  const flags = flagsOf(name, via);
  if (flags !== AUTHORITATIVE_ANSWER) return { ...base, flags };
  const answers = recordsOf(asked, questions[0]?.type ?? 'A', table);
  return { ...base, flags, answers, authorities: answers.length === 0 ? [soa(asked)] : [] };
}

function flagsOf({ fault }: DnsName, via: 'udp' | 'tcp'): number {
  if (fault === 'servfail' || fault === 'refused') return rcodes[fault];
  return fault === 'truncated' && via === 'udp' ? AUTHORITATIVE_ANSWER | truncatedFlag : AUTHORITATIVE_ANSWER;
}

/** `depth` ends alias chains that run in a circle. */
function recordsOf(asked: string, type: string, table: ReadonlyMap<string, DnsName>, depth = 0): Answer[] {
  const name = table.get(asked);
  if (name === undefined) return [];
  const owner = { name: asked, ttl: name.ttl ?? 60 };
  if (name.cname !== undefined) {
    const alias: Answer = { type: 'CNAME', ...owner, data: name.cname };
    return depth > 3 ? [alias] : [alias, ...recordsOf(name.cname, type, table, depth + 1)];
  }
  const { mx = [], a = [], aaaa = [], txt = [] } = name;
  const all: Answer[] = [
    ...mx.map(([preference, exchange]): Answer => ({ type: 'MX', ...owner, data: { preference, exchange } })),
    ...a.map((data): Answer => ({ type: 'A', ...owner, data })),
    ...aaaa.map((data): Answer => ({ type: 'AAAA', ...owner, data })),
    ...txt.map((data): Answer => ({ type: 'TXT', ...owner, data })),
  ];
  return all.filter((record) => record.type === type);
}

function soa(name: string): Answer {
  const data = { mname: 'ns.invalid', rname: 'hostmaster.invalid', serial: 1, minimum: 30 };
  return { type: 'SOA', name, ttl: 30, data: { ...data, refresh: 60, retry: 60, expire: 60 } };
}

type Respond = (message: Buffer, via: 'udp' | 'tcp') => Promise<Buffer | undefined>;

function serveTcp(socket: Socket, respond: Respond): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const message = received.subarray(2, end);
      received = received.subarray(end);
      void respond(message, 'tcp').then((answer) => {
        if (answer === undefined || socket.destroyed) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      });
    }
  });
}

function listenTcp(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function bindUdp(port: number, respond: Respond): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.on('message', (message, from) => {
      void respond(message, 'udp').then((answer) => {
        if (answer !== undefined) socket.send(answer, from.port, from.address);
      });
    });
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });
}
