/** What sessions share: the process on one side, their listener on the other. Made in app.ts and listeners.ts. */
import type { BlockList } from 'node:net';
import type { ConfigSnapshot, ListenerSettings } from '@railpost/config';
import type { Clock, CrashPoint, EventLog } from '@railpost/runtime';
import type { AcceptContext } from './accept.ts';
import type { ClientGate } from './client-gate.ts';
import type { IngressMetrics } from './metrics.ts';
import type { LoginVerifier } from './passwords/login-verifier.ts';
import type { ReverseNames } from './reverse-name.ts';

/** The process. */
export interface IngressContext {
  readonly log: EventLog;
  readonly metrics: IngressMetrics;
  readonly clock: Clock;
  readonly crashPoint: CrashPoint;
  readonly accept: AcceptContext;
  readonly gate: ClientGate;
  readonly names: ReverseNames;
  readonly logins: LoginVerifier;
  /** The configuration in force. */
  currentConfiguration(): ConfigSnapshot;
  /** A queue id that no other process makes. */
  newQueueId(): string;
}

/** A listener as its sessions see it: fixed for the life of a session. */
export interface ListenerContext {
  readonly settings: ListenerSettings;
  readonly networks: BlockList;
}
