/**
 * YAML documents of many files, each parsed once: a folder of ten thousand Mailboxes is read again at every edit, and one of them
 * changed. Files are cut at document markers; what a piece of text means is remembered until it is no longer there.
 * A place (line and column) is looked for only when there is something to say about it.
 */
import type { FieldPath, ManifestSource } from '@railpost/config';
import { LineCounter, parseAllDocuments, parseDocument } from 'yaml';
import { type Place, locateField } from './locate.ts';

/** A document, or why it is none. */
export type ReadDocument = ManifestSource &
  ({ readonly value: unknown } | { readonly error: string; readonly place: Place });

interface Piece {
  readonly text: string;
  /** Lines of the file before it. */
  readonly linesBefore: number;
}

type Reading = { readonly value: unknown } | { readonly error: string; readonly place: Place };

/** Reads documents; one instance per folder that is watched. */
export class DocumentReader {
  #readings = new Map<string, Reading>();
  #pieces = new Map<string, Piece>();

  /** Reads files given as path and text; forgets what is no longer among them. */
  read(files: ReadonlyMap<string, string>): ReadDocument[] {
    const readings = new Map<string, Reading>();
    const pieces = new Map<string, Piece>();
    const documents: ReadDocument[] = [];
    for (const [path, text] of files) {
      for (const [position, piece] of cut(text).entries()) {
        const reading = readings.get(piece.text) ?? this.#readings.get(piece.text) ?? readPiece(piece.text);
        readings.set(piece.text, reading);
        pieces.set(`${path}#${position}`, piece);
        documents.push({ path, position, ...shifted(reading, piece.linesBefore) });
      }
    }
    this.#readings = readings;
    this.#pieces = pieces;
    return documents;
  }

  /** Where a field stands in its file. */
  locate(source: ManifestSource, path: FieldPath): Place {
    const piece = this.#pieces.get(`${source.path}#${source.position}`);
    if (piece === undefined) return { line: 1, column: 1 };
    const lines = new LineCounter();
    const document = parseDocument(piece.text, { lineCounter: lines, prettyErrors: false });
    const place = locateField(document, lines, path);
    return { line: place.line + piece.linesBefore, column: place.column };
  }
}

/**
 * Cuts a file before each line that begins with `---`: inside plain text that line always ends a document (YAML 1.2.2, section
 * 9.1.2). A document that ends in `...` and is followed by another without `---` is refused.
 */
function cut(text: string): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  let linesBefore = 0;
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const next = end === -1 ? text.length : end + 1;
    if (at > start && /^---(?:\s|$)/.test(text.slice(at, at + 4))) {
      pieces.push({ text: text.slice(start, at), linesBefore });
      start = at;
      linesBefore = line;
    }
    line += 1;
    at = next;
  }
  pieces.push({ text: text.slice(start), linesBefore });
  return pieces;
}

function readPiece(text: string): Reading {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const documents = 'empty' in parsed ? [] : parsed;
  const errors = documents.flatMap((document) => document.errors);
  const [error] = errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    return { error: error.message, place: { line: Math.max(line, 1), column: Math.max(col, 1) } };
  }
  if (documents.length > 1) {
    return { error: 'separate documents by ---, not by ... or directives', place: { line: 1, column: 1 } };
  }
  try {
    return { value: documents[0]?.toJS() ?? null };
  } catch (problem) {
    // yaml throws for aliases that explode or lead nowhere.
    const text = problem instanceof Error ? problem.message : String(problem);
    return { error: text, place: { line: 1, column: 1 } };
  }
}

function shifted(reading: Reading, lines: number): Reading {
  if ('value' in reading) return reading;
  return { error: reading.error, place: { line: reading.place.line + lines, column: reading.place.column } };
}
