/** The cases of the race: size, kind of connection, sessions; how many messages each takes. */

/** One case. */
export interface RelayCase {
  /** Size of the content, octets. */
  readonly bytes: number;
  readonly isKept: boolean;
  readonly sessions: number;
  /** Messages of a flood, and of the timed pass after it. */
  readonly messages: number;
  readonly timedMessages: number;
}

/** What is to be run. */
export interface CaseChoice {
  readonly sizes: readonly number[];
  readonly kinds: readonly ConnectionKind[];
  readonly sessions: readonly number[];
  /** Messages of a flood of small messages over kept connections; the other cases take fewer. */
  readonly messages: number;
}

/** Kinds of connections on the command line. */
export const connectionKinds = ['kept', 'single'] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

/** All cases of a choice. */
export function casesOf(choice: CaseChoice): readonly RelayCase[] {
  return choice.sizes.flatMap((bytes) =>
    choice.kinds.flatMap((kind) =>
      choice.sessions.map((sessions) => {
        const isKept = kind === 'kept';
        const messages = messagesOf(choice.messages, { bytes, isKept, sessions });
        return { bytes, isKept, sessions, messages, timedMessages: Math.max(50, Math.ceil(messages / 4)) };
      }),
    ),
  );
}

/** A lone session, new connections and large messages are slow with every MTA: fewer do. */
function messagesOf(base: number, traits: Pick<RelayCase, 'bytes' | 'isKept' | 'sessions'>): number {
  let messages = base;
  if (traits.sessions === 1) messages /= 8;
  if (!traits.isKept) messages /= 2;
  if (traits.bytes > 32 * 1024) messages /= 4;
  return Math.max(100, Math.ceil(messages));
}

/** As a heading: `5 KB, kept connections, 50 sessions`. */
export function titleOf(each: RelayCase): string {
  const size = `${Math.round(each.bytes / 1024)} KB`;
  const kind = each.isKept ? 'kept connections' : 'one connection per message';
  return `${size}, ${kind}, ${each.sessions} session${each.sessions === 1 ? '' : 's'}`;
}
