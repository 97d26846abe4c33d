/** The frame of every process: settings, lifecycle, events, metrics, configuration, the common form of delivery agents. */
export { runService } from './run-service.ts';
export type { ServiceDefinition } from './run-service.ts';
export type { Service, ServiceContext } from './service-context.ts';
export { exitCode } from './exit.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { createCrashPoint } from './crash-point.ts';
export type { CrashPoint } from './crash-point.ts';
export { mutants } from './mutant.ts';
export type { Mutant } from './mutant.ts';
export {
  CommitRefusedError,
  ConfigurationInvalidError,
  SealBrokenError,
  SettingsError,
} from './errors.ts';

// Settings
export { CommonSettings } from './settings/common-settings.ts';
export { readEnvironment } from './settings/environment.ts';
export { flagOf, loadSettings } from './settings/load-config.ts';
export { formatHelp } from './settings/print-config.ts';
export { parseDuration, parseSize, setting, settingFacts } from './settings/setting.ts';
export type { Setting, SettingFacts, SettingsOf, SettingsShape } from './settings/setting.ts';

// Events, traces, metrics
export { EventLog } from './events/event-log.ts';
export type { EventLogOptions, LogFormat } from './events/event-log.ts';
export { defineEvent } from './events/define-event.ts';
export type { EventFunction } from './events/define-event.ts';
export type { EventDefinition, LogLevel, PostfixForm, PostfixProgram } from './events/event-definition.ts';
export { formatDelay, logDisposition } from './events/disposition.ts';
export type { DispositionFields, LoggedStatus } from './events/disposition.ts';
export {
  continueTraceparent,
  createTraceparent,
  parseTraceparent,
  traceparentHeader,
} from './trace-context.ts';
export type { TraceContext } from './trace-context.ts';
export { createRegistry } from './metrics/process-metrics.ts';
export { DestinationLabels } from './metrics/destination-label.ts';
export { createTidier } from './tidy-memory.ts';
export type { TidierOptions } from './tidy-memory.ts';
export { Tally } from './metrics/tally.ts';

// Configuration and presence
export { openConfigurationReader } from './configuration/configuration-reader.ts';
export type {
  ConfigurationReader,
  OpenConfigurationReader,
  ReaderOptions,
} from './configuration/configuration-reader.ts';
export { publishConfiguration, readPublishedUnits } from './configuration/publish-configuration.ts';
export type { PublishedConfiguration } from './configuration/publish-configuration.ts';
export { createCompilerCrypto } from './configuration/compiler-crypto.ts';
export { ensurePlatformKey, readPlatformKey } from './configuration/platform-key.ts';
export { seal, unseal } from './configuration/seal.ts';
export { listPresence, openPresence } from './presence.ts';
export type { PresenceKeeper, PresenceOptions } from './presence.ts';
export { release } from './release.ts';

// Streams and their generation
export { prepareStreams } from './streams/prepare-streams.ts';
export type { PreparedStreams, SeenStreams, StreamsRequest } from './streams/prepare-streams.ts';
export { startStreamGuard } from './streams/stream-guard.ts';
export type { StreamGuard, StreamGuardOptions } from './streams/stream-guard.ts';

// Delivery agents
export { runAgent } from './agent/run-agent.ts';
export type { Agent, AgentContext, AgentOptions } from './agent/run-agent.ts';
export type { AgentTask, PendingRecipient, RecipientResult, TaskResult } from './agent/agent-task.ts';
