/**
 * The mailbox of a final recipient. cleanup routed the recipient here by a configuration in which the mailbox existed; this process
 * may hear of that configuration a moment later, and what is unknown is bounced. So before it says unknown it waits
 * for a change, longer than a change takes to arrive.
 */
import type { MailboxSettings } from '@railpost/config';
import type { ConfigurationReader } from '@railpost/runtime';

/** A change of the configuration takes effect within 2 s everywhere. */
const changeWithinMs = 3_000;

/** Undefined: there is no such mailbox (any more). @param signal ends the wait early */
export async function findMailbox(
  configuration: ConfigurationReader,
  address: string,
  signal: AbortSignal,
): Promise<MailboxSettings | undefined> {
  const known = configuration.current().mailbox(address);
  if (known !== undefined) return known;
  await nextChange(configuration, signal);
  return configuration.current().mailbox(address);
}

function nextChange(configuration: ConfigurationReader, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stopListening();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, changeWithinMs);
    const stopListening = configuration.onChange(end);
    signal.addEventListener('abort', end, { once: true });
  });
}
