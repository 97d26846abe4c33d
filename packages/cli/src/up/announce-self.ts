/** `railpost up` is a process of the platform too: `status` shows through its presence what is wrong with the folder. */
import type { Bus } from '@railpost/bus';
import { EventLog, type PresenceKeeper, openPresence, release } from '@railpost/runtime';

/** Starts the presence. @param problems asked at each refresh */
export function announceSelf(bus: Bus, problems: () => readonly string[]): PresenceKeeper {
  const startedAt = new Date().toISOString();
  // Its progress goes to the terminal; events of the presence itself are of no interest there.
  const log = new EventLog({
    service: 'up',
    processName: 'up',
    format: 'json',
    level: 'error',
    write: () => undefined,
  });
  const presence = openPresence({
    bus,
    log,
    ttlMs: 15_000,
    describe: () => ({
      service: 'up',
      name: 'up',
      release,
      startedAt,
      isReady: true,
      configurationRoot: '',
      httpUrl: '',
      problems: [...problems()],
    }),
  });
  void presence.refresh();
  return presence;
}
