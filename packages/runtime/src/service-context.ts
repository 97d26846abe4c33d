/**
 * What the runtime gives a service: its connections, its log, its configuration and its clock. Made by run-service.ts,
 * passed to `create`; nothing of it is global.
 */
import type { Bus } from '@railpost/bus';
import type { ObjectStore } from '@railpost/spool';
import type { Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import type { ConfigurationReader } from './configuration/configuration-reader.ts';
import type { CrashPoint } from './crash-point.ts';
import type { EventLog } from './events/event-log.ts';
import type { Mutant } from './mutant.ts';
import type { PresenceKeeper } from './presence.ts';
import type { CommonSettings } from './settings/common-settings.ts';

/** A running service as the runtime sees it. */
export interface Service {
  /**
   * Stops fetching, finishes or naks what is in hand, closes. Must return within 18 s: after that the process exits
   * anyway. Connections of the context are closed by the runtime afterwards.
   */
  stop(): Promise<void>;
}

/** Everything a service gets from the runtime. */
export interface ServiceContext {
  /** Name of the service, for example `cleanup`. */
  readonly name: string;
  /** Name of this process, unique in its service. */
  readonly processName: string;
  /** When this process started, as in its presence: RFC 3339. */
  readonly startedAt: string;
  /** Version of the software. */
  readonly release: string;
  readonly log: EventLog;
  /** Metrics of this process; register yours here. */
  readonly metrics: Registry;
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly configuration: ConfigurationReader;
  readonly presence: PresenceKeeper;
  readonly clock: Clock;
  /** The common settings; a service's own ones are the second argument of `create`. */
  readonly settings: CommonSettings;
  /** Aborted when the process begins to drain. */
  readonly signal: AbortSignal;
  /**
   * States what is wrong now (shown in /health, a metric and `railpost status`; readiness does not change), or that it is over.
   * @param key names the problem; the same key replaces
   * @param text one sentence, or undefined when it is over
   */
  setProblem(key: string, text: string | undefined): void;
  /** Reports an exception that nothing can translate: logs it and ends the process with exit code 70 after draining. */
  fail(error: unknown): void;
  /** Passes a crash point (tests only). */
  readonly crashPoint: CrashPoint;
  /** The durability rule that this process breaks on purpose (tests of the tests only). */
  readonly mutant?: Mutant | undefined;
}
