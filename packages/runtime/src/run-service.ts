/**
 * The start and end of every process: `main.ts` of a service is one call of {@link runService}.
 */
import type { Service, ServiceContext } from './service-context.ts';
import type { SettingsOf, SettingsShape } from './settings/setting.ts';

/** What a service brings. */
export interface ServiceDefinition<Shape extends SettingsShape> {
  /** Folder, image argument, Deployment, durable consumer, log `service`, metric label: one name. */
  readonly name: string;
  /** Own settings (config.ts); the common ones are added. */
  readonly settings: Shape;
  /** Wires and starts the service; called once NATS, the spool and a configuration are there. */
  create(context: ServiceContext, settings: SettingsOf<Shape>): Promise<Service>;
}

/** Runs a service until it is told to stop; sets the process's exit code. */
export async function runService<Shape extends SettingsShape>(
  _definition: ServiceDefinition<Shape>,
): Promise<void> {
  throw new Error('not yet');
}
