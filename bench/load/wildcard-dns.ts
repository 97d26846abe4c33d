/**
 * A name server for measurements with many destinations: every domain has the same mail server on this machine. Answers are made from
 * the question by hand, so that it costs little beside what is measured.
 */
import { createSocket } from 'node:dgram';

/** A running name server. */
export interface WildcardDns {
  /** `127.0.0.1:<port>`, as `--dns-servers` takes it. */
  readonly address: string;
  close(): void;
}

const types = { a: 1, mx: 15 } as const;
const ttlSeconds = 3600;
const headerBytes = 12;

/** Starts one: MX of any name is `mx.<name>`, A of any name is 127.0.0.1, anything else does not exist for it. */
export async function startWildcardDns(): Promise<WildcardDns> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const answer = answerTo(query);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}

/** RFC 1035 section 4: the question again, then at most one record whose name points to it. */
function answerTo(query: Buffer): Buffer | undefined {
  const nameEnd = query.indexOf(0, headerBytes) + 1;
  if (nameEnd === 0 || query.length < nameEnd + 4) return undefined;
  const type = query.readUInt16BE(nameEnd);
  const data = dataOf(type);
  const header = Buffer.from(query.subarray(0, headerBytes));
  // An answer, authoritative, recursion available, no error; one question, so many answers, nothing else.
  header.writeUInt16BE(0x8580, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  const question = query.subarray(headerBytes, nameEnd + 4);
  if (data === undefined) return Buffer.concat([header, question]);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc000 | headerBytes, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([header, question, record, data]);
}

function dataOf(type: number): Buffer | undefined {
  if (type === types.a) return Buffer.from([127, 0, 0, 1]);
  // Preference 10, label `mx`, then the name of the question.
  if (type === types.mx) return Buffer.from([0, 10, 2, 0x6d, 0x78, 0xc0, headerBytes]);
  return undefined;
}
