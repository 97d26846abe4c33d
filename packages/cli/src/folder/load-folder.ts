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
  type ManifestObject,
  type Problem,
  compile,
  parseManifests,
} from '@railpost/config';
import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { type Place, locateField } from './locate.ts';

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

/** Reads folders (or single files). */
export async function loadFolders(paths: readonly string[]): Promise<FolderContents> {
  const files: string[] = [];
  const problems: LocatedProblem[] = [];
  for (const path of paths) {
    try {
      files.push(...(await listFiles(path)));
    } catch (error) {
      problems.push(unreadable(path, error));
    }
  }
  const reader = new ManifestReader();
  for (const file of [...new Set(files)].sort()) {
    try {
      reader.add(file, await readFile(file, 'utf8'));
    } catch (error) {
      problems.push(unreadable(file, error));
    }
  }
  const parsed = parseManifests(reader.documents);
  const locate = (problem: Problem): LocatedProblem => reader.locate(problem);
  return {
    files: [...new Set(files)].sort(),
    objects: parsed.objects,
    problems: [...problems, ...reader.problems, ...parsed.problems.map(locate)],
    locate,
  };
}

/** Reads and compiles folders; `previous` are the units of before. */
export async function compileFolders(
  paths: readonly string[],
  crypto: CompilerCrypto,
  previous?: ReadonlyMap<string, Uint8Array>,
): Promise<FolderCompilation> {
  return compileContents(await loadFolders(paths), crypto, previous);
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

interface KnownDocument {
  readonly document: Document;
  readonly lines: LineCounter;
}

/** Documents of many files, and where everything in them stands. */
class ManifestReader {
  readonly documents: ManifestDocument[] = [];
  readonly problems: LocatedProblem[] = [];
  readonly #known = new Map<string, KnownDocument>();

  add(path: string, text: string): void {
    const lines = new LineCounter();
    const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    const documents = 'empty' in parsed ? [] : parsed;
    for (const [position, document] of documents.entries()) {
      const error = document.errors[0];
      if (error !== undefined) {
        const { line, col } = lines.linePos(error.pos[0]);
        this.problems.push(invalid({ path, position }, { line, column: col }, error.message));
        continue;
      }
      this.#known.set(`${path}#${position}`, { document, lines });
      this.#read(path, position, document);
    }
  }

  locate(problem: Problem): LocatedProblem {
    const { source } = problem;
    const known = source && this.#known.get(`${source.path}#${source.position}`);
    if (known === undefined) return { ...problem, line: 1, column: 1 };
    return { ...problem, ...locateField(known.document, known.lines, problem.path) };
  }

  #read(path: string, position: number, document: Document): void {
    try {
      this.documents.push({ path, position, value: document.toJS() });
    } catch (error) {
      // yaml throws for aliases that explode or lead nowhere.
      const text = error instanceof Error ? error.message : String(error);
      this.problems.push(invalid({ path, position }, { line: 1, column: 1 }, text));
    }
  }
}

function invalid(source: NonNullable<Problem['source']>, place: Place, text: string): LocatedProblem {
  return { severity: 'error', reason: 'Invalid', object: '', source, path: [], text, ...place };
}

function unreadable(path: string, error: unknown): LocatedProblem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return invalid({ path, position: 0 }, { line: 1, column: 1 }, `cannot be read (${code})`);
}
