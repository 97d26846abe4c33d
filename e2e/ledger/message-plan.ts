/**
 * What message number n is: to whom, how large, with which octets. Made from the seed and the number alone, so that nothing has to be
 * remembered of a message but its number. A field of the header says the number, the try, and the length and checksum of the body.
 */
import { crc32 } from 'node:zlib';
import { type Behaviour, destinations, mailboxDomain, mailboxes, senderDomain } from './destinations.ts';
import { Random } from './random.ts';

/** One message. */
export interface PlannedMessage {
  readonly number: number;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly bodyBytes: number;
}

/** What the header field says. */
export interface MessageMark {
  /** Name of the run, so that a sink never takes another run's mail for its own. */
  readonly run: string;
  readonly number: number;
  /** How many times the client had offered it. */
  readonly attempt: number;
  readonly bodyBytes: number;
  readonly checksum: number;
}

const behaviours: readonly { readonly value: Behaviour; readonly weight: number }[] = [
  { value: 'takes', weight: 58 },
  { value: 'mailbox', weight: 14 },
  { value: 'lmtp', weight: 10 },
  { value: 'moved', weight: 5 },
  { value: 'temporary', weight: 5 },
  { value: 'slow', weight: 3 },
  { value: 'drops', weight: 3 },
  { value: 'permanent', weight: 2 },
];
const recipientCounts = [
  { value: 1, weight: 70 },
  { value: 2, weight: 20 },
  { value: 3, weight: 10 },
];
/** Octets; mostly small, as mail is. */
const sizes: readonly { readonly value: readonly [number, number]; readonly weight: number }[] = [
  { value: [1024, 4096], weight: 720 },
  { value: [4096, 16_384], weight: 220 },
  { value: [16_384, 131_072], weight: 50 },
  { value: [131_072, 1_048_576], weight: 8 },
  { value: [1_048_576, 2_097_152], weight: 2 },
];

const lineBytes = 78;
const poolLines = 30_000;

/** Plans message `number` of a run. */
export function planMessage(seed: string, number: number): PlannedMessage {
  const random = new Random(`${seed}/message ${number}`);
  const recipients = new Set<string>();
  const count = random.pickWeighted(recipientCounts);
  while (recipients.size < count) recipients.add(recipientOf(number, random));
  const [least, most] = random.pickWeighted(sizes);
  return {
    number,
    reversePath: `s${number}@${senderDomain}`,
    recipients: [...recipients],
    bodyBytes: Math.ceil(random.between(least, most) / lineBytes) * lineBytes,
  };
}

function recipientOf(number: number, random: Random): string {
  const behaviour = random.pickWeighted(behaviours);
  if (behaviour === 'mailbox') return `${random.pick(mailboxes)}@${mailboxDomain}`;
  return `n${number}@${random.pick(destinations[behaviour])}`;
}

/** Text of whole lines, a few of which begin with a dot. */
function makePool(): Buffer {
  const random = new Random('body');
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const pool = Buffer.alloc(poolLines * lineBytes);
  for (let at = 0; at < pool.length; at += 1) pool[at] = letters.charCodeAt(random.between(0, 63));
  for (let line = 0; line < poolLines; line += 1) {
    pool.write('\r\n', (line + 1) * lineBytes - 2, 'latin1');
    if (line % 97 === 0) pool.write('.', line * lineBytes, 'latin1');
  }
  return pool;
}

/** Makes the octets of messages. */
export class MessageMaker {
  readonly #run: string;
  readonly #pool = makePool();

  constructor(run: string) {
    this.#run = run;
  }

  /** Header and body as they are meant, without dot-stuffing. */
  make(message: PlannedMessage, attempt: number): Buffer {
    const lines = message.bodyBytes / lineBytes;
    const start = (message.number % Math.max(1, poolLines - lines)) * lineBytes;
    const body = this.#pool.subarray(start, start + message.bodyBytes);
    const { number, bodyBytes } = message;
    const mark = formatMark({ run: this.#run, number, attempt, bodyBytes, checksum: crc32(body) });
    const header = `From: <${message.reversePath}>\r\nSubject: message ${number}\r\n${mark}\r\n\r\n`;
    return Buffer.concat([Buffer.from(header, 'latin1'), body]);
  }
}

function formatMark({ run, number, attempt, bodyBytes, checksum }: MessageMark): string {
  return `X-Ledger: ${run} ${number} ${attempt} ${bodyBytes} ${checksum}`;
}

const headerLimit = 16_384;

/** Reads the field from the beginning of a content; undefined when it has none. */
export function readMark(content: Buffer): MessageMark | undefined {
  const found = /^X-Ledger: (\S+) (\d+) (\d+) (\d+) (\d+)\r?$/m.exec(
    content.subarray(0, headerLimit).toString('latin1'),
  );
  if (found === null) return undefined;
  const [, run = '', ...numbers] = found;
  const [number = 0, attempt = 0, bodyBytes = 0, checksum = 0] = numbers.map(Number);
  return { run, number, attempt, bodyBytes, checksum };
}

/** True when the body is the one that was sent, octet by octet. */
export function isIntact(content: Buffer, mark: MessageMark): boolean {
  const end = content.indexOf('\r\n\r\n');
  const body = content.subarray(end + 4);
  return end !== -1 && body.length === mark.bodyBytes && crc32(body) === mark.checksum;
}
