/** Metrics of garbage collection. Gauges say what the index knows; without a term they say nothing. */
import type { JournalCompactionResult } from '@railpost/spool';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { GarbageResult } from './effects.ts';
import type { Gathered } from './gather.ts';
import type { SpoolView } from './garbage-task.ts';

/** Registered once per process; the view changes with the term. */
export class GarbageMetrics {
  /** What the gauges show; undefined while another process keeps the spool. */
  view: SpoolView | undefined;
  #journalObjects = 0;
  #roundSeconds = 0;
  readonly #rounds: Counter;
  readonly #removedSegments: Counter;
  readonly #removedBytes: Counter;
  readonly #copiedSegments: Counter;
  readonly #segmentsRead: Counter;
  readonly #journalRead: Counter;
  readonly #journalRemoved: Counter;
  readonly #entriesDropped: Counter;

  constructor(registry: Registry) {
    const counter = (name: string, help: string) => new Counter({ name, help, registers: [registry] });
    this.#rounds = counter('railpost_keeper_rounds_total', 'Rounds of reading and removing that went well.');
    this.#removedSegments = counter('railpost_keeper_removed_segments_total', 'Segments removed.');
    this.#removedBytes = counter('railpost_keeper_removed_bytes_total', 'Octets of segments removed.');
    this.#copiedSegments = counter(
      'railpost_keeper_copied_segments_total',
      'Segments whose survivors moved to a later copy.',
    );
    this.#segmentsRead = counter('railpost_keeper_segments_read_total', 'Segment indexes read.');
    this.#journalRead = counter('railpost_keeper_journal_objects_read_total', 'Journal objects read.');
    this.#journalRemoved = counter(
      'railpost_keeper_journal_objects_removed_total',
      'Journal objects that became larger ones, or were not needed any more.',
    );
    this.#entriesDropped = counter(
      'railpost_keeper_journal_entries_dropped_total',
      'Journal entries of messages that had been in the spool no more for long enough.',
    );
    this.#registerGauges(registry);
  }

  noteRead(gathered: Gathered): void {
    this.#segmentsRead.inc(gathered.segmentsRead);
    this.#journalRead.inc(gathered.journalRead);
    this.#journalObjects = gathered.journalObjects;
  }

  noteRound(seconds: number): void {
    this.#rounds.inc();
    this.#roundSeconds = seconds;
  }

  noteCleared(result: GarbageResult): void {
    this.#removedSegments.inc(result.removed);
    this.#removedBytes.inc(result.removedBytes);
    this.#copiedSegments.inc(result.copied);
  }

  noteCompacted(result: JournalCompactionResult): void {
    this.#journalRemoved.inc(result.removed);
    this.#entriesDropped.inc(result.dropped);
  }

  #registerGauges(registry: Registry): void {
    const gauge = (name: string, help: string, read: (view: SpoolView) => number) => {
      const made = new Gauge({
        name,
        help,
        registers: [registry],
        collect: () => {
          if (this.view === undefined) made.reset();
          else made.set(read(this.view));
        },
      });
    };
    gauge('railpost_spool_segments', 'Segments in the spool.', ({ index }) => index.segmentCount);
    gauge('railpost_spool_bytes', 'Octets of segments in the spool.', ({ index }) => index.bytes);
    gauge(
      'railpost_spool_open_messages',
      'Messages that are not complete by the journal.',
      ({ index }) => index.openCount,
    );
    gauge(
      'railpost_spool_open_bytes',
      'Octets of messages that are not complete.',
      ({ index }) => index.openBytes,
    );
    gauge(
      'railpost_spool_damaged_segments',
      'Segments of which something cannot be read; 0 in health.',
      ({ index }) => index.damagedCount,
    );
    gauge(
      'railpost_spool_damaged_journal_objects',
      'Journal objects that cannot be read; 0 in health.',
      ({ gatherer }) => gatherer.damagedJournalObjects,
    );
    gauge('railpost_spool_journal_objects', 'Journal objects in the spool.', () => this.#journalObjects);
    gauge('railpost_keeper_round_seconds', 'Duration of the last round.', () => this.#roundSeconds);
  }
}
