/**
 * Declared events: name, level, static text; the data stands in fields. A service declares its events in `events.ts`
 * and calls one function per event, so that every line that can appear is known and can be searched for.
 */
import type { EventDefinition } from './event-definition.ts';
import type { EventLog } from './event-log.ts';

/** Writes one event. */
export type EventFunction<Fields extends object> = (log: EventLog, fields: Fields) => void;

/** Declares an event: `const accepted = defineEvent<{ queueId: string }>({...}); accepted(context.log, { queueId })`. */
export function defineEvent<Fields extends object>(
  definition: EventDefinition<Fields>,
): EventFunction<Fields> {
  return (log, fields) => log.emit(definition, fields);
}
