/**
 * Destinations of one shard: their windows and the jobs that wait for a place in them. Keyed by the destination token of
 * bus subjects, because a takeover scan sees nothing else; the token decodes to the name for logs and labels.
 */
import {
  type ConcurrencySettings,
  type Window,
  afterContact,
  afterFailure,
  openWindow,
} from '../schedule/concurrency.ts';
import type { DeliveryStatus } from '@railpost/mail';
import { type Pace, noPace } from '../schedule/pace.ts';
import type { QueuedJob } from './queued-job.ts';

/** Jobs of one lane that went out together: at most `width` of them run at once, the others follow as these end. */
export interface Batch {
  readonly lane: Destination;
  width: number;
  /** Jobs still in the agent's hand. */
  remaining: number;
  /** Jobs that ever joined. */
  size: number;
  /** Monotonic milliseconds; undefined for a job that was dispatched by somebody else. */
  readonly sentAtMs: number | undefined;
}

/** One destination, or the lane of bounce. */
export interface Destination {
  readonly token: string;
  /** Postfix's spelling, `smtp:partner.test`. */
  readonly name: string;
  /** Name of the agent: `smtp`, `lmtp`, `mailbox`, `bounce`; or error, retry, discard. */
  readonly transport: string;
  window: Window;
  /** Deliveries that may be running: of each batch its width, or what is left of it. */
  inFlight: number;
  /** Jobs that agents get for each delivery that may run (schedule/pick.ts). */
  depth: number;
  pace: Pace;
  /** Jobs that may be dispatched, oldest first. */
  readonly ready: Set<QueuedJob>;
  /** Jobs whose time has come but whose record is not loaded. */
  readonly due: Set<QueuedJob>;
  /** Jobs of this destination that are still in ACTIVE. */
  activeCount: number;
  /** While the window is dead: until when, and what the last attempt said. */
  deadUntilMs: number;
  lastFailure: DeliveryStatus | undefined;
  /** All jobs known, whatever they wait for. */
  jobs: number;
}

/** Name of the lane through which reports of failure and delay go. */
const bounceLane = 'bounce:';

/** All destinations of one shard. */
export class Destinations {
  readonly #byToken = new Map<string, Destination>();
  readonly #settings: () => ConcurrencySettings;
  /** The lane of bounce: its window does not learn, our own agent is never dead. */
  readonly bounce: Destination;

  constructor(settings: () => ConcurrencySettings) {
    this.#settings = settings;
    this.bounce = this.#make({ token: bounceLane, name: bounceLane, transport: 'bounce' });
  }

  get size(): number {
    return this.#byToken.size;
  }

  values(): IterableIterator<Destination> {
    return this.#byToken.values();
  }

  /** The destination of a subject token; made when it is new. */
  at(token: string, transport: string): Destination {
    const known = this.#byToken.get(token);
    if (known !== undefined) return known;
    const made = this.#make({ token, name: destinationName(token), transport });
    this.#byToken.set(token, made);
    return made;
  }

  /** Forgets a destination that has no job left; its window is then new again (Postfix forgets idle queues too). */
  release(destination: Destination): void {
    if (destination.jobs === 0 && destination.inFlight === 0) this.#byToken.delete(destination.token);
  }

  /** After an attempt that reached the destination. */
  noteContact(destination: Destination): void {
    if (destination === this.bounce) return;
    destination.window = afterContact(destination.window, destination.inFlight, this.#settings());
    destination.lastFailure = undefined;
  }

  /** After an attempt that did not; true when the destination is dead now. */
  noteFailure(destination: Destination, status: DeliveryStatus, deadUntilMs: number): boolean {
    if (destination === this.bounce) return false;
    destination.window = afterFailure(destination.window);
    destination.depth = 1;
    destination.lastFailure = status;
    if (destination.window.isDead) destination.deadUntilMs = deadUntilMs;
    return destination.window.isDead;
  }

  /** Opens the window of a dead destination again when its time has come or `isForced`. */
  revive(destination: Destination, nowMs: number, isForced = false): void {
    if (!destination.window.isDead || (!isForced && nowMs < destination.deadUntilMs)) return;
    destination.window = openWindow(this.#settings());
  }

  #make(named: Pick<Destination, 'token' | 'name' | 'transport'>): Destination {
    return {
      ...named,
      window: openWindow(named.transport === 'bounce' ? bounceConcurrency : this.#settings()),
      inFlight: 0,
      depth: 1,
      pace: noPace,
      ready: new Set(),
      due: new Set(),
      activeCount: 0,
      deadUntilMs: 0,
      lastFailure: undefined,
      jobs: 0,
    };
  }
}

const bounceConcurrency: ConcurrencySettings = { concurrencyInitial: 50, concurrencyLimit: 50 };

/** Decodes a destination token (contracts `destinationToken`): `_` and four hex digits are one character. */
export function destinationName(token: string): string {
  return token.replace(/_([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
