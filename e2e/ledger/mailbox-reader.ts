/** Notices new files in the Maildirs of the platform; every file is an arrival. */
import { access, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mailboxDomain, mailboxes } from './destinations.ts';

/** A file that was not there before. */
export interface FoundMessage {
  readonly recipient: string;
  readonly content: Buffer;
}

/** Remembers which files it has seen. */
export class MailboxReader {
  readonly #root: string;
  readonly #seen = new Set<string>();

  /** @param root `mail` in the data folder */
  constructor(root: string) {
    this.#root = root;
  }

  /** Files that have come since the last call. */
  async read(): Promise<FoundMessage[]> {
    const found: FoundMessage[] = [];
    for (const name of mailboxes) {
      const folder = join(this.#root, mailboxDomain, name, 'Maildir', 'new');
      for (const file of await readdir(folder).catch(() => [])) {
        const path = join(folder, file);
        if (this.#seen.has(path)) continue;
        // A power cut between the two looks takes away what was not durable yet; it comes again.
        const content = await readWithCrlf(path).catch(undefinedIfMissing);
        if (content === undefined) continue;
        this.#seen.add(path);
        found.push({ recipient: `${name}@${mailboxDomain}`, content });
      }
    }
    return found;
  }

  /** Files that were there once and are not any more. */
  async missing(): Promise<string[]> {
    const there = await Promise.all([...this.#seen].map((path) => access(path).then(yes, no)));
    return [...this.#seen].filter((_, index) => there[index] === false);
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

/** Files of a Maildir have the line ends of the system. */
async function readWithCrlf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const text = (await file.readFile()).toString('latin1');
    return Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'latin1');
  } finally {
    await file.close();
  }
}
