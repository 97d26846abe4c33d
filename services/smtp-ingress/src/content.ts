/**
 * One message on its way from the wire into the spool: our Received field first, then the content as it comes, with the header
 * section kept for the INCOMING record. Holds at most the header section in memory (limits.headerSize), slices of the
 * receive buffers else. The first thing wrong is remembered, the rest of the content is read and dropped, and the reply
 * comes at its end, as SMTP wants it.
 */
import { HeaderEndFinder, parseHeaderSection } from '@railpost/mail';
import type { LimitSettings } from '@railpost/config';
import type { RecordWriter } from '@railpost/spool';
import { LeadingLine } from './leading-line.ts';
import { isTooLarge } from './policy/size.ts';
import type { StatusName } from './statuses.ts';

/** With so many Received fields, ours included, a message runs in a circle (Postfix hopcount_limit). */
const hopLimit = 50;
/** Octets of CRLF. */
const longestEmptyLine = 2;
const lf = 0x0a;
const crlfAfterLine = Buffer.from('\n\r\n');
const lfAfterLine = Buffer.from('\n\n');

/** Content in hand. */
export class MessageContent {
  readonly #record: RecordWriter;
  readonly #limits: LimitSettings;
  readonly #leading = new LeadingLine();
  readonly #finder = new HeaderEndFinder();
  readonly #headerSlices: Uint8Array[] = [];
  readonly #traceBytes: number;
  #tracePressure: Promise<void> | undefined;
  #storedBytes = 0;
  #receivedBytes = 0;
  #headerBytes: number | undefined;
  #failure: StatusName | undefined;

  /** @param trace our Received field */
  constructor(record: RecordWriter, trace: Uint8Array, limits: LimitSettings) {
    this.#record = record;
    this.#limits = limits;
    this.#traceBytes = trace.length;
    this.#tracePressure = this.#store(trace);
  }

  /** Why the message cannot be accepted, if something was found so far. */
  get failure(): StatusName | undefined {
    return this.#failure;
  }

  /** Octets that the client sent. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Octets of the stored content. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Takes a slice. */
  write(slice: Uint8Array): Promise<void> | undefined {
    this.#receivedBytes += slice.length;
    if (this.#failure !== undefined) return undefined;
    if (isTooLarge(this.#receivedBytes, this.#limits)) {
      this.fail('messageTooLarge');
      return undefined;
    }
    const before = this.#tracePressure;
    if (before === undefined) return this.#storeAll(this.#leading.push(slice));
    this.#tracePressure = undefined;
    return before.then(() => this.#storeAll(this.#leading.push(slice)));
  }

  /** Drops the message: `status` is what the client will hear. */
  fail(status: StatusName): void {
    if (this.#failure !== undefined) return;
    this.#failure = status;
    this.#headerSlices.length = 0;
    this.#record.abort();
  }

  /** The content is complete. Returns the header section, unless {@link failure} says otherwise. */
  async finish(): Promise<Uint8Array> {
    await this.#tracePressure;
    if (this.#failure === undefined) await this.#storeAll(this.#leading.finish());
    const headerBytes = this.#headerBytes ?? this.#finder.finish();
    const header = Buffer.concat(this.#headerSlices).subarray(0, headerBytes);
    this.#checkHeaderSize(headerBytes);
    if (this.#failure === undefined && hasTooManyHops(header)) this.fail('tooManyHops');
    return header;
  }

  #storeAll(slices: readonly Uint8Array[]): Promise<void> | undefined {
    let pressure: Promise<void> | undefined;
    for (const slice of slices) {
      const before = pressure;
      pressure = before === undefined ? this.#store(slice) : before.then(() => this.#store(slice));
    }
    return pressure;
  }

  #store(slice: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    this.#storedBytes += slice.length;
    if (this.#headerBytes === undefined) this.#keepHeader(slice);
    if (this.#failure !== undefined) return undefined;
    return this.#record.write(slice)?.catch(() => this.fail('spoolUnavailable'));
  }

  #keepHeader(slice: Uint8Array): void {
    this.#headerSlices.push(slice);
    this.#headerBytes = this.#finder.push(slice);
    if (this.#headerBytes !== undefined) this.#checkHeaderSize(this.#headerBytes);
    // While its end is not known, the last octets may be the empty line.
    else if (this.#isHeaderTooLarge(this.#storedBytes - longestEmptyLine)) this.fail('headerTooLarge');
  }

  /** @param headerBytes ours and theirs, with the empty line if there is one, which does not count */
  #checkHeaderSize(headerBytes: number): void {
    if (!this.#isHeaderTooLarge(headerBytes)) return;
    const header = Buffer.concat(this.#headerSlices).subarray(0, headerBytes);
    if (this.#isHeaderTooLarge(headerBytes - emptyLineBytes(header))) this.fail('headerTooLarge');
  }

  #isHeaderTooLarge(bytes: number): boolean {
    return bytes - this.#traceBytes > this.#limits.headerSizeBytes;
  }
}

/** Octets of the empty line at the end of a header section. */
function emptyLineBytes(header: Buffer): number {
  if (header.subarray(-3).equals(crlfAfterLine)) return 2;
  return header.subarray(-2).equals(lfAfterLine) ? 1 : 0;
}

function hasTooManyHops(header: Uint8Array): boolean {
  if (!hasLines(header, hopLimit)) return false;
  return parseHeaderSection(header).fields.filter((each) => each.name === 'received').length >= hopLimit;
}

/** True when there are at least `count` lines, the last of which may lack its line end: most headers have fewer than hops allowed. */
function hasLines(octets: Uint8Array, count: number): boolean {
  let at = -1;
  for (let lines = 1; lines < count; lines += 1) {
    at = octets.indexOf(lf, at + 1);
    if (at === -1) return false;
  }
  return true;
}
