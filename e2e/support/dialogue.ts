/**
 * Plays scripted SMTP dialogues against any server and records what it answers, one step at a time, so that two servers can be
 * compared. A script is text: `= name` opens a dialogue, each further line is one step. A step is sent with CRLF added; `\r`, `\n`,
 * `\0`, `\t` and `\xNN` are escapes; `\c` at the end of a line suppresses CRLF. ` && ` joins commands into one write (pipelining).
 * A step that starts with `~` is content: nothing is awaited after it. `# ` is a comment; `^N` repeats the line N times; `@tls` starts
 * TLS on the connection. ` => ` at the end of a line says what must be answered, replies separated by commas; a script without
 * expectations is for comparing two servers.
 */
import { type Socket, createConnection } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/** One dialogue of a script. */
export interface Dialogue {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** One write and the number of replies that it asks for. */
export interface Step {
  readonly text: string;
  readonly octets: Buffer;
  readonly replies: number;
  /** What a script demands, if it does. */
  readonly expected: readonly string[] | undefined;
  readonly startsTls: boolean;
}

/** What came back: reply code and enhanced code per reply; `closed` when the server ended the session; `silence` after 5 s. */
export interface Answer {
  readonly step: string;
  readonly replies: readonly string[];
}

/** Parses a script file. */
export function parseDialogues(script: string): Dialogue[] {
  const dialogues: { name: string; steps: Step[] }[] = [];
  for (const line of script.split('\n')) {
    if (line === '' || line.startsWith('# ')) continue;
    if (line.startsWith('= ')) dialogues.push({ name: line.slice(2), steps: [] });
    else dialogues.at(-1)?.steps.push(parseStep(line));
  }
  return dialogues;
}

function parseStep(wholeLine: string): Step {
  const [line = '', demand] = wholeLine.split(' => ');
  const expected = demand?.split(',');
  if (line === '@tls') return { text: line, octets: Buffer.alloc(0), replies: 0, expected, startsTls: true };
  const [, count, rest] = /^\^(\d+) (.*)$/.exec(line) ?? [undefined, '1', line];
  const isContent = rest?.startsWith('~') === true;
  const commands = isContent ? [(rest ?? '').slice(1)] : (rest ?? '').split(' && ');
  const octets = commands.map((command) => unescape(command)).join('');
  const times = Number(count);
  return {
    text: line,
    octets: Buffer.from(octets.repeat(times), 'latin1'),
    replies: isContent ? 0 : commands.length * times,
    expected,
    startsTls: false,
  };
}

function unescape(command: string): string {
  const isOpen = command.endsWith('\\c');
  const text = (isOpen ? command.slice(0, -2) : command).replace(
    /\\(x[0-9a-f]{2}|[rnt0\\])/g,
    (_, code: string) => escapes(code),
  );
  return isOpen ? text : `${text}\r\n`;
}

function escapes(code: string): string {
  const named = new Map([
    ['r', '\r'],
    ['n', '\n'],
    ['t', '\t'],
    ['0', '\0'],
    ['\\', '\\'],
  ]);
  return named.get(code) ?? String.fromCharCode(Number.parseInt(code.slice(1), 16));
}

/** How a dialogue is played. */
export interface PlayOptions {
  /** @default 5000 */
  readonly silenceMs?: number;
  readonly isImplicitTls?: boolean;
  /** Cuts every write into packets of so many octets. */
  readonly packetBytes?: number | undefined;
}

/** Plays one dialogue. Never rejects for what a server does; the answers say it. */
export async function playDialogue(
  port: number,
  dialogue: Dialogue,
  { silenceMs = 5000, isImplicitTls = false, packetBytes }: PlayOptions = {},
): Promise<Answer[]> {
  const reader = new ReplyReader(createConnection({ host: '127.0.0.1', port }), silenceMs);
  if (isImplicitTls) await reader.startTls();
  const answers: Answer[] = [{ step: '(connect)', replies: [await reader.next()] }];
  for (const step of dialogue.steps) {
    if (step.startsTls) await reader.startTls();
    await reader.write(step.octets, packetBytes);
    const replies: string[] = [];
    for (let index = 0; index < step.replies; index += 1) {
      const reply = await reader.next();
      replies.push(reply);
      if (reply === 'closed' || reply === 'silence') break;
    }
    answers.push({ step: step.text, replies });
    if (replies.at(-1) === 'closed') break;
  }
  reader.close();
  return answers;
}

/** Splits what a server sends into replies. */
class ReplyReader {
  #socket: Socket;
  readonly #silenceMs: number;
  readonly #replies: string[] = [];
  #text = '';
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, silenceMs: number) {
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    this.#listen(socket);
  }

  /** Upgrades the connection; certificates are not verified. A failed handshake ends the session. */
  startTls(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners();
    return new Promise((resolve) => {
      const secure = connectTls({ socket: plain, rejectUnauthorized: false }, resolve);
      secure.once('error', () => resolve());
      this.#socket = secure;
      this.#listen(secure);
    });
  }

  #listen(socket: Socket): void {
    socket.on('data', (data) => this.#take(data.toString('latin1')));
    socket.on('close', () => this.#end());
    socket.on('error', () => this.#end());
  }

  async write(octets: Buffer, packetBytes = octets.length): Promise<void> {
    this.#socket.setNoDelay(true);
    for (let start = 0; start < octets.length && !this.#isClosed; start += packetBytes) {
      this.#socket.write(octets.subarray(start, start + packetBytes));
      if (start + packetBytes < octets.length) await nextTurn();
    }
  }

  async next(): Promise<string> {
    const deadline = Date.now() + this.#silenceMs;
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      if (this.#isClosed) return 'closed';
      if (Date.now() >= deadline) return 'silence';
      await this.#wait(deadline - Date.now());
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    const final = /^(\d{3}) (?:(\d\.\d{1,3}\.\d{1,3}) )?.*\r\n/m;
    for (let match = final.exec(this.#text); match !== null; match = final.exec(this.#text)) {
      this.#replies.push(match[2] === undefined ? (match[1] ?? '') : `${match[1]} ${match[2]}`);
      this.#text = this.#text.slice(match.index + match[0].length);
    }
    this.#wake?.();
  }

  #end(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
