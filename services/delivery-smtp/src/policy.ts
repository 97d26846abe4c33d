/**
 * From the configuration to how one next hop is spoken to: EHLO name, deadlines, TLS, login. Secrets are opened here, at the moment
 * of delivery, so that a rotated password serves waiting mail, too. A Secret that is missing is a status, never a bounce.
 */
import type { DeliverySettings, PlatformSettings } from '@railpost/config';
import type { DeliveryStatus } from '@railpost/mail';
import type { Credentials } from '@railpost/smtp';
import type { SessionPolicy } from './session.ts';
import { statuses } from './statuses.ts';
import type { SmtpHop } from './targets.ts';
import { type TlsContexts, type TlsPolicy, decideTlsPolicy } from './tls-policy.ts';

/** What the policy is made from. */
export interface PolicyFacts {
  readonly platform: Pick<PlatformSettings, 'hostname'> & {
    readonly delivery: Pick<DeliverySettings, 'ehlo' | 'timeouts' | 'tls'>;
  };
  readonly contexts: TlsContexts;
  unseal(secretKey: string): Readonly<Record<string, string>> | undefined;
}

/** The policy, with the key of all that sessions must share to be interchangeable; or why there is none. */
export type PolicyDecision =
  | { readonly kind: 'policy'; readonly policy: SessionPolicy; readonly key: string }
  | { readonly kind: 'unusable-secret'; readonly secret: string; readonly status: DeliveryStatus };

/** Decides how to speak to `hop`. */
export function decidePolicy(hop: SmtpHop, destination: string, facts: PolicyFacts): PolicyDecision {
  const { delivery, hostname } = facts.platform;
  const tls = decideTlsPolicy(hop, delivery.tls);
  const credentials = openCredentials(hop, facts);
  if (credentials === 'unusable')
    return unusable(hop.transport === 'smtp' ? hop.credentialsSecret : undefined);
  const ca = openAnchors(tls, facts);
  if (ca.kind === 'unusable') return unusable(tls.caSecret);
  const secureContext = tls.mode === 'Verify' ? facts.contexts.get(ca.pem) : facts.contexts.unverified();
  const policy: SessionPolicy = {
    protocol: hop.transport,
    ehlo: delivery.ehlo,
    timeouts: delivery.timeouts,
    tls: { mode: tls.mode, secureContext },
    credentials,
    ownNames: [hostname, delivery.ehlo],
    destination: destination.slice(destination.indexOf(':') + 1),
  };
  const key = JSON.stringify([hop.transport, delivery.ehlo, tls.mode, ca.pem, credentials]);
  return { kind: 'policy', policy, key };
}

function unusable(secret = ''): PolicyDecision {
  return { kind: 'unusable-secret', secret, status: statuses.secretMissing(secret) };
}

function openCredentials(hop: SmtpHop, facts: PolicyFacts): Credentials | undefined | 'unusable' {
  if (hop.transport !== 'smtp' || hop.credentialsSecret === undefined) return undefined;
  const secret = facts.unseal(hop.credentialsSecret);
  const username = secret?.['username'];
  const password = secret?.['password'];
  if (username === undefined || password === undefined) return 'unusable';
  return { username, password };
}

function openAnchors(
  tls: TlsPolicy,
  facts: PolicyFacts,
): { readonly kind: 'anchors'; readonly pem: string | undefined } | { readonly kind: 'unusable' } {
  if (tls.mode !== 'Verify' || tls.caSecret === undefined) return { kind: 'anchors', pem: undefined };
  const pem = facts.unseal(tls.caSecret)?.['ca.crt'];
  return pem === undefined || !isPem(pem) ? { kind: 'unusable' } : { kind: 'anchors', pem };
}

function isPem(text: string): boolean {
  return text.includes('-----BEGIN CERTIFICATE-----');
}
