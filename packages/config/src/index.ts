/** The configuration: kinds, compiler, snapshot, resolver. Pure. */
// Manifests in.
export { defaultNamespace, kinds, objectLabel, parseManifests } from './manifests.ts';
export type {
  ManifestDocument,
  ManifestMemory,
  ManifestObject,
  ManifestOf,
  ParsedManifests,
} from './manifests.ts';
export { formatField } from './problem.ts';
export type { FieldPath, ManifestSource, Problem, ProblemReason } from './problem.ts';
// Units out.
export { compile } from './compile.ts';
export type { Compilation, CompileRequest } from './compile.ts';
export type { Condition, ObjectStatus } from './compile/findings.ts';
export type { CompilerCrypto } from './compile/secrets.ts';
export { domainUnitKey, parseRoot, platformUnitKey, rootUnitKey, routesUnitKey } from './unit.ts';
export type { ConfigRoot } from './unit.ts';
// Answers.
export { createSnapshot, missingUnits, parsedUnits } from './snapshot.ts';
export { explain, formatExplanation, formatNextHop } from './explain.ts';
export type { Explanation } from './explain.ts';
export type {
  ConfigSnapshot,
  ExpansionStep,
  FinalRecipient,
  LoginRecord,
  RecipientVerdict,
  Resolution,
} from './resolution.ts';
export type {
  DeliverySettings,
  DeliveryTimeoutSettings,
  DomainClass,
  DomainSettings,
  HopTemplate,
  LimitSettings,
  ListenerRole,
  ListenerSettings,
  ListenerTlsSettings,
  MailboxSettings,
  MailboxState,
  PlatformSettings,
  QueueSettings,
  RelayRecipients,
  TimeoutSettings,
} from './settings.ts';
