/**
 * Next hops of manifests as templates of next hops: Secrets become keys, and are sealed on the way.
 */
import type { NextHopTls } from '@railpost/contracts';
import type { ClientTls, NextHopManifest } from '../kinds/next-hop.ts';
import type { ManifestObject } from '../manifests.ts';
import type { FieldPath } from '../problem.ts';
import type { HopTemplate } from '../settings.ts';
import type { SecretBox, SecretUse } from './secrets.ts';

/** Where a hop stands and where its Secrets go. */
export interface HopContext {
  readonly object: ManifestObject;
  readonly path: FieldPath;
  readonly secrets: SecretBox;
  /** Collects sealed Secrets by key. */
  readonly sealed: Map<string, string>;
}

/** Compiles one next hop. A Secret that is missing stays named: the agent then defers instead of sending without it. */
export function compileHop(hop: NextHopManifest, context: HopContext): HopTemplate {
  if (hop.smtp !== undefined) return compileSmtp(hop.smtp, context);
  if (hop.lmtp !== undefined) return compileLmtp(hop.lmtp);
  if (hop.error !== undefined) return { transport: 'error', ...hop.error };
  if (hop.retry !== undefined) return { transport: 'retry', ...hop.retry };
  return { transport: hop.discard === undefined ? 'mailbox' : 'discard' };
}

/** Compiles a TLS policy. */
export function compileTls(tls: ClientTls, context: HopContext): NextHopTls {
  if (tls.caSecretRef === undefined) return { mode: tls.mode };
  return { mode: tls.mode, caSecret: sealInto(context, ['caSecretRef'], tls.caSecretRef.name, 'ca') };
}

function compileSmtp(smtp: NonNullable<NextHopManifest['smtp']>, context: HopContext): HopTemplate {
  const inner = { ...context, path: [...context.path, 'smtp'] };
  const inTls = { ...inner, path: [...inner.path, 'tls'] };
  return {
    transport: 'smtp',
    ...(smtp.mx !== undefined && { mx: smtp.mx }),
    ...(smtp.hosts !== undefined && { hosts: smtp.hosts }),
    ...(smtp.tls !== undefined && { tls: compileTls(smtp.tls, inTls) }),
    ...(smtp.credentialsSecretRef !== undefined && {
      credentialsSecret: sealInto(
        inner,
        ['credentialsSecretRef'],
        smtp.credentialsSecretRef.name,
        'credentials',
      ),
    }),
  };
}

function compileLmtp(lmtp: NonNullable<NextHopManifest['lmtp']>): HopTemplate {
  if (lmtp.path !== undefined) return { transport: 'lmtp', path: lmtp.path };
  return { transport: 'lmtp', host: lmtp.host ?? '', port: lmtp.port ?? 24 };
}

function sealInto(context: HopContext, path: FieldPath, name: string, use: SecretUse): string {
  const { object, secrets, sealed } = context;
  const key = `${object.namespace}/${name}`;
  const bytes = secrets.seal({ object, path: [...context.path, ...path, 'name'], name, use });
  if (bytes !== undefined) sealed.set(key, bytes);
  return key;
}
