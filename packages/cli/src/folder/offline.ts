/**
 * Compiles a folder for looking only: nothing is sealed or hashed in earnest, and the units never leave the process. A folder
 * without a MailPlatform (examples/quickstart is one) is looked at under a stand-in, and says so.
 */
import { createHash } from 'node:crypto';
import { type CompilerCrypto, type ManifestObject, parseManifests } from '@railpost/config';
import { type FolderCompilation, type FolderContents, FolderLoader, compileContents } from './load-folder.ts';

const offlineCrypto: CompilerCrypto = {
  hash: (bytes) => createHash('sha256').update(bytes).digest('hex'),
  seal: () => new Uint8Array(0),
  hashPassword: () => '{ARGON2ID}$',
};

/** What was looked at. */
export interface OfflineCompilation extends FolderCompilation {
  /** True: the folder names no MailPlatform. */
  readonly hasStandIn: boolean;
}

/** Reads and compiles folders for `check` and `explain`. @param loader to be kept by those who read again */
export async function compileOffline(
  paths: readonly string[],
  loader: FolderLoader = new FolderLoader(),
): Promise<OfflineCompilation> {
  const contents = await loader.load(paths);
  if (contents.objects.some((object) => object.kind === 'MailPlatform')) {
    return { ...compileContents(contents, offlineCrypto), hasStandIn: false };
  }
  const complete: FolderContents = {
    ...contents,
    objects: [...contents.objects, ...standIn(contents.objects)],
  };
  // One that is there but wrong is no object; it only needs a stand-in so that the others can be looked at.
  const hasBroken = contents.problems.some((problem) => problem.object.startsWith('MailPlatform '));
  return { ...compileContents(complete, offlineCrypto), hasStandIn: !hasBroken };
}

function standIn(objects: readonly ManifestObject[]): readonly ManifestObject[] {
  const namespace = objects[0]?.namespace;
  const value = {
    apiVersion: 'railpost.io/v1alpha1',
    kind: 'MailPlatform',
    metadata: { name: 'main', ...(namespace !== undefined && { namespace }) },
    spec: {
      hostname: 'localhost',
      listeners: [
        {
          name: 'internal',
          port: 25,
          role: 'Internal',
          trustedNetworks: ['127.0.0.0/8'],
          tls: { mode: 'None' },
        },
      ],
    },
  };
  return parseManifests([{ path: '', position: 0, value }]).objects;
}
