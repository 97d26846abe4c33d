/**
 * Which TLS a next hop gets: its own policy, else the platform's (blueprint section 6); Encrypt at least where a password would
 * cross the wire. The trust anchors of Verify come from the hop's CA Secret, else from the system's and Mozilla's roots.
 */
import { type SecureContext, createSecureContext, getCACertificates } from 'node:tls';
import type { NextHopTls } from '@railpost/contracts';
import type { SmtpHop } from './targets.ts';

/** TLS towards one next hop. */
export interface TlsPolicy {
  readonly mode: NextHopTls['mode'];
  /** Key of the Secret with the CA. */
  readonly caSecret: string | undefined;
}

/** Decides the policy. */
export function decideTlsPolicy(hop: SmtpHop, platform: NextHopTls): TlsPolicy {
  // LMTP is spoken inside one's own house; Postfix, too, leaves it in the clear by default.
  if (hop.transport === 'lmtp') return { mode: 'None', caSecret: undefined };
  const { mode, caSecret } = hop.tls ?? platform;
  const isWeak = mode === 'None' || mode === 'May';
  return { mode: isWeak && hop.credentialsSecret !== undefined ? 'Encrypt' : mode, caSecret };
}

/** Makes and keeps TLS contexts; making one reads all roots, so there is one per set of anchors. */
export class TlsContexts {
  readonly #contexts = new Map<string, SecureContext>();

  /** @param ca PEM of the trust anchors; undefined = the roots of system and Mozilla. @throws Error when it is not PEM */
  get(ca: string | undefined): SecureContext {
    const key = ca ?? '';
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const anchors = ca === undefined ? systemAnchors() : ca;
    const context = createSecureContext({ ca: anchors });
    // Secrets rotate: forget the old ones rather than keep every CA there ever was.
    if (this.#contexts.size >= 50) this.#contexts.clear();
    this.#contexts.set(key, context);
    return context;
  }

  /** For modes that judge no certificate. */
  unverified(): SecureContext {
    const known = this.#contexts.get('unverified');
    if (known !== undefined) return known;
    const context = createSecureContext();
    this.#contexts.set('unverified', context);
    return context;
  }
}

function systemAnchors(): string[] {
  return [...new Set([...getCACertificates('system'), ...getCACertificates('bundled')])];
}
