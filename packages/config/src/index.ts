/** The configuration: kinds, compiler, snapshot, resolver. Pure. */
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
