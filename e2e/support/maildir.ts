/** Reads the Maildirs that delivery-mailbox writes: `<root>/<domain>/<local part>/Maildir/{new,cur}`. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Messages of an address as octets on disk, in order of file name. Empty while the mailbox does not exist. */
export async function readMaildir(root: string, address: string): Promise<Buffer[]> {
  const at = address.lastIndexOf('@');
  const folder = join(root, address.slice(at + 1), address.slice(0, at), 'Maildir', 'new');
  const names = await readdir(folder).catch(() => []);
  return Promise.all(
    names.toSorted((left, right) => (left < right ? -1 : 1)).map((name) => readFile(join(folder, name))),
  );
}
