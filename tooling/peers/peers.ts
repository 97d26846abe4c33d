/**
 * The real peers that the integration tests talk to, and how each comes to a machine: Debian packages by apt, versitygw
 * (an S3 server) by Go. The table is the whole knowledge; `main.ts` acts on it, `npm test` checks it.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program of another project that tests need. */
export interface Peer {
  readonly name: string;
  /** Each of these must exist: a bare name in PATH or /usr/sbin, or an absolute path. */
  readonly files: readonly string[];
  /** A command that must succeed besides. */
  readonly probe?: readonly string[];
  /** The Debian packages that bring it; none = built by Go. */
  readonly debianPackages: readonly string[];
}

/** Every peer. */
const peers: readonly Peer[] = [
  { name: 'Postfix', files: ['postfix', 'smtp-source', 'smtp-sink'], debianPackages: ['postfix'] },
  { name: 'Dovecot IMAP', files: ['doveadm', '/usr/lib/dovecot/imap'], debianPackages: ['dovecot-imapd'] },
  { name: 'Dovecot LMTP', files: ['/usr/lib/dovecot/lmtp'], debianPackages: ['dovecot-lmtpd'] },
  {
    name: 'swaks with TLS',
    files: ['swaks'],
    probe: ['perl', '-MNet::SSLeay', '-e', '1'],
    // Only recommended by swaks, but without it --tls does not exist.
    debianPackages: ['swaks', 'libnet-ssleay-perl'],
  },
  { name: 'pflogsumm', files: ['pflogsumm'], debianPackages: ['pflogsumm'] },
  { name: 'versitygw', files: ['versitygw'], debianPackages: [] },
];

/** The one command that brings all of them. */
export const setupCommand = 'npm run setup:peers';

/** Where what Go builds is put. */
export const binFolder = fileURLToPath(new URL('../../.cache/bin/', import.meta.url));
/** Daemons live in sbin, which a user's PATH often leaves out. */
const furtherFolders = [binFolder, '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The peers that are neither in `path` nor in the folders where they usually are. */
export function missingPeers(path: string, further: readonly string[] = furtherFolders): readonly Peer[] {
  const folders = [...path.split(delimiter), ...further];
  return peers.filter((peer) => !peer.files.every((file) => isThere(file, folders)) || !succeeds(peer.probe));
}

function succeeds(probe: readonly string[] | undefined): boolean {
  if (probe === undefined) return true;
  const [program = '', ...programArguments] = probe;
  return spawnSync(program, programArguments, { stdio: 'ignore' }).status === 0;
}

function isThere(file: string, folders: readonly string[]): boolean {
  const candidates = file.startsWith('/') ? [file] : folders.map((folder) => join(folder, file));
  return candidates.some((candidate) => isExecutable(candidate));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Absent or not ours to run: for a test both mean that the peer is missing.
    return false;
  }
}
