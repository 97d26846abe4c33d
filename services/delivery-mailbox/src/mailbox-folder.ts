/**
 * From a mailbox to its folder: `<root>/<domain>/<local-part>`. A local-part is whatever a user wrote: slashes, dots, control
 * characters, any script. Here it becomes one file name that no other local-part has and that cannot leave its parent:
 * lower-case letters, digits and `._+=-` stay, every other octet of its UTF-8 form becomes `%` and two hex digits (a leading
 * dot too), and what would be too long for a file system ends in a hash.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

const longestName = 200;
const keptLength = 150;

/** The folder that holds the Maildir of a mailbox. */
export function mailboxFolder(
  root: string,
  mailbox: { readonly domain: string; readonly localPart: string },
): string {
  return join(root, folderName(mailbox.domain), folderName(mailbox.localPart));
}

/** One path component for a domain or local-part; equal for spellings that differ in case only. */
export function folderName(text: string): string {
  let name = '';
  for (const octet of Buffer.from(text.normalize('NFC').toLowerCase(), 'utf8')) {
    const character = String.fromCharCode(octet);
    const isPlain = /[a-z0-9_+=-]/.test(character) || (character === '.' && name !== '');
    name += isPlain ? character : `%${octet.toString(16).padStart(2, '0')}`;
  }
  if (name === '') return '%';
  if (name.length <= longestName) return name;
  // `%` never stands before `~`, so that no short name looks like this.
  return `${name.slice(0, keptLength)}%~${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}
