/**
 * Reads folders of manifests: every `*.yaml`, `*.yml` and `*.json` file directly in them (as `kubectl apply -f` does), several
 * documents a file. Findings carry file, line and column. Files are read in order of their paths, which is the age of objects
 * in a folder. A file or folder that cannot be read is a problem like any other: nothing here throws for what users wrote.
 */
import { readFile, readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import {
  type Compilation,
  type CompilerCrypto,
  type ManifestDocument,
  type ManifestMemory,
  type ManifestObject,
  type ManifestSource,
  type Problem,
  compile,
  parseManifests,
} from '@railpost/config';
import type { Place } from './locate.ts';
import { DocumentReader } from './read-documents.ts';

/** A problem with its place in the file. */
export type LocatedProblem = Problem & Place;

/** What the folders say. */
export interface FolderContents {
  /** Files that were read, in order. */
  readonly files: readonly string[];
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly LocatedProblem[];
  /** Adds the place to a finding about one of `objects`. */
  readonly locate: (problem: Problem) => LocatedProblem;
}

/** What came of compiling folders. */
export interface FolderCompilation {
  readonly contents: FolderContents;
  readonly compilation: Compilation;
  /** Of reading and of compiling. */
  readonly problems: readonly LocatedProblem[];
  /** True: nothing of this may be applied. */
  readonly hasErrors: boolean;
}

const extensions = new Set(['.yaml', '.yml', '.json']);

/** Reads folders (or single files); keep the instance to read them again quickly. */
export class FolderLoader {
  readonly #reader = new DocumentReader();
  readonly #memory: ManifestMemory = new WeakMap();

  /** Reads everything that is there now. */
  async load(paths: readonly string[]): Promise<FolderContents> {
    const problems: LocatedProblem[] = [];
    const texts = await readFiles(await findFiles(paths, problems), problems);
    const documents: ManifestDocument[] = [];
    for (const document of this.#reader.read(texts)) {
      if ('value' in document) documents.push(document);
      else problems.push(invalid(document, document.place, document.error));
    }
    const parsed = parseManifests(documents, this.#memory);
    const locate = (problem: Problem): LocatedProblem => this.#locate(problem);
    return {
      files: [...texts.keys()],
      objects: parsed.objects,
      problems: [...problems, ...parsed.problems.map(locate)],
      locate,
    };
  }

  #locate(problem: Problem): LocatedProblem {
    const place =
      problem.source === undefined
        ? { line: 1, column: 1 }
        : this.#reader.locate(problem.source, problem.path);
    return { ...problem, ...place };
  }
}

/** Reads folders once. */
export async function loadFolders(paths: readonly string[]): Promise<FolderContents> {
  return new FolderLoader().load(paths);
}

/** Reads and compiles folders; `previous` are the units of before. Who does it again keeps the loader: it is quicker then. */
export async function compileFolders(
  paths: readonly string[],
  crypto: CompilerCrypto,
  previous?: ReadonlyMap<string, Uint8Array>,
  loader: FolderLoader = new FolderLoader(),
): Promise<FolderCompilation> {
  return compileContents(await loader.load(paths), crypto, previous);
}

/** Compiles what was read. */
export function compileContents(
  contents: FolderContents,
  crypto: CompilerCrypto,
  previous?: ReadonlyMap<string, Uint8Array>,
): FolderCompilation {
  const compilation = compile({ objects: contents.objects, crypto, ...(previous && { previous }) });
  const problems = [...contents.problems, ...compilation.problems.map(contents.locate)];
  return { contents, compilation, problems, hasErrors: problems.some((each) => each.severity === 'error') };
}

/** The files that {@link loadFolders} reads for a path: for those who watch them. @throws when it cannot be read */
export async function listFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter(
      (entry) => !entry.isDirectory() && !entry.name.startsWith('.') && extensions.has(extname(entry.name)),
    )
    .map((entry) => join(path, entry.name));
}

async function findFiles(paths: readonly string[], problems: LocatedProblem[]): Promise<string[]> {
  const files = new Set<string>();
  for (const path of paths) {
    try {
      for (const file of await listFiles(path)) files.add(file);
    } catch (error) {
      problems.push(unreadable(path, error));
    }
  }
  return [...files].sort();
}

async function readFiles(
  files: readonly string[],
  problems: LocatedProblem[],
): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const file of files) {
    try {
      texts.set(file, await readFile(file, 'utf8'));
    } catch (error) {
      problems.push(unreadable(file, error));
    }
  }
  return texts;
}

function invalid(source: ManifestSource, place: Place, text: string): LocatedProblem {
  const { path, position } = source;
  const at = { source: { path, position }, path: [], ...place };
  return { severity: 'error', reason: 'Invalid', object: '', text, ...at };
}

function unreadable(path: string, error: unknown): LocatedProblem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return invalid({ path, position: 0 }, { line: 1, column: 1 }, `cannot be read (${code})`);
}
