/**
 * Manifests as YAML in, snapshot out: for tests. The crypto is deterministic and cheap; it only has to be told apart.
 */
import { createHash } from 'node:crypto';
import { parseAllDocuments } from 'yaml';
import { type Compilation, compile } from '../src/compile.ts';
import type { CompilerCrypto } from '../src/compile/secrets.ts';
import { type ManifestDocument, type ParsedManifests, parseManifests } from '../src/manifests.ts';
import type { Problem } from '../src/problem.ts';
import { formatField } from '../src/problem.ts';
import type { ConfigSnapshot } from '../src/resolution.ts';
import { createSnapshot } from '../src/snapshot.ts';

/** SHA-256, lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Crypto that counts how often passwords are hashed. */
export function testCrypto(): CompilerCrypto & { readonly hashed: string[] } {
  const hashed: string[] = [];
  return {
    hashed,
    hash: sha256,
    seal: (path, plaintext) => new Uint8Array(createHash('sha256').update(path).update(plaintext).digest()),
    hashPassword: (password) => {
      hashed.push(password);
      return `{ARGON2ID}$salt${hashed.length}`;
    },
  };
}

/** Documents of one file. */
export function documentsOf(text: string, path = 'test.yaml'): ManifestDocument[] {
  const documents = parseAllDocuments(text);
  return [...documents].map((document, position) => ({ path, position, value: document.toJS() as unknown }));
}

/** Reads manifests. */
export function parseYaml(text: string): ParsedManifests {
  return parseManifests(documentsOf(text));
}

/** Compiles manifests, whose fields must be good. */
export function compileYaml(
  text: string,
  options: { readonly previous?: ReadonlyMap<string, Uint8Array>; readonly crypto?: CompilerCrypto } = {},
): Compilation {
  const { objects, problems } = parseYaml(text);
  if (problems.length > 0) throw new Error(describe(problems).join('\n'));
  return compile({
    objects,
    crypto: options.crypto ?? testCrypto(),
    ...(options.previous && { previous: options.previous }),
  });
}

/** Compiles manifests that have no errors. */
export function snapshotOf(text: string): ConfigSnapshot {
  const { units, problems } = compileYaml(text);
  const errors = problems.filter((each) => each.severity === 'error');
  if (errors.length > 0) throw new Error(describe(errors).join('\n'));
  return createSnapshot(units);
}

/** `field: text (Reason)` of each problem. */
export function describe(problems: readonly Problem[]): string[] {
  return problems.map((each) => `${formatField(each.path)}: ${each.text} (${each.reason})`);
}

/** A MailPlatform document; `spec` adds lines of flow YAML such as `, origin: example.test`. */
export function platformYaml(spec = ''): string {
  return `
apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec: {hostname: mail.example.test, listeners: [{name: mx, port: 2525, role: MX}]${spec}}
---`;
}

/** Any document of our group; `spec` is the inside of a flow mapping. */
export function objectYaml(kind: string, name: string, spec: string, namespace = 'default'): string {
  return `
apiVersion: railpost.io/v1alpha1
kind: ${kind}
metadata: {name: "${name}", namespace: ${namespace}}
spec: {${spec}}
---`;
}

/** A Mailbox domain. */
export function domainYaml(domain: string, spec = 'class: Mailbox', namespace = 'default'): string {
  return objectYaml('MailDomain', domain, `domain: ${domain}, ${spec}`, namespace);
}

/** A Mailbox named by its address. */
export function mailboxYaml(address: string, spec = '', namespace = 'default'): string {
  const [localPart = '', domain = ''] = address.split('@');
  const name = `${localPart}.${domain}`;
  const more = spec === '' ? '' : `, ${spec}`;
  return objectYaml('Mailbox', name, `domain: ${domain}, localPart: "${localPart}"${more}`, namespace);
}

/** An AliasMap of one domain: entries as `local: [targets]`. */
export function aliasesYaml(domain: string, entries: Readonly<Record<string, readonly string[]>>): string {
  const list = Object.entries(entries).map(
    ([localPart, to]) => `{localPart: "${localPart}", to: ${JSON.stringify(to)}}`,
  );
  return objectYaml('AliasMap', `aliases-${domain}`, `domain: ${domain}, entries: [${list.join(', ')}]`);
}

/** A TransportMap: routes as `[match, next hop]` in flow YAML, named r0, r1... */
export function routesYaml(
  name: string,
  routes: readonly (readonly [string, string])[],
  namespace = 'default',
): string {
  const list = routes.map(
    ([match, nextHop], index) => `{name: r${index}, match: {${match}}, nextHop: {${nextHop}}}`,
  );
  return objectYaml('TransportMap', name, `routes: [${list.join(', ')}]`, namespace);
}

/** A Secret. */
export function secretYaml(name: string, values: Readonly<Record<string, string>>): string {
  return `
apiVersion: v1
kind: Secret
metadata: {name: ${name}}
stringData: ${JSON.stringify(values)}
---`;
}
