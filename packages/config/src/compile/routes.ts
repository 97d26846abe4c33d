/**
 * TransportMaps: one entry per match key. Of equal keys the older object's wins and the other is shadowed. Outside the platform's
 * namespace a map speaks only for recipients and senders of the domains of its own namespace.
 */
import type { ManifestOf } from '../manifests.ts';
import { type RouteEntry, routeKey } from '../unit.ts';
import type { AcceptedDomain } from './domains.ts';
import type { Findings } from './findings.ts';
import { type HopContext, compileHop } from './hop.ts';

type Route = ManifestOf<'TransportMap'>['spec']['routes'][number];

/** What routes are compiled against. */
export interface RouteContext extends Pick<HopContext, 'secrets' | 'sealed'> {
  readonly domains: ReadonlyMap<string, AcceptedDomain>;
  readonly findings: Findings;
  /** Namespace of the platform. */
  readonly home: string;
}

interface Match {
  readonly key: string;
  /** Domain that must belong to the namespace, if the map stands outside the platform's; undefined: always in scope. */
  readonly domain: string | undefined;
  readonly path: readonly (string | number)[];
  readonly text: string;
}

/** Compiles all routes, oldest object first. */
export function compileRoutes(
  objects: readonly ManifestOf<'TransportMap'>[],
  context: RouteContext,
): Map<string, RouteEntry> {
  const routes = new Map<string, RouteEntry>();
  for (const object of objects) {
    const shadowed = new Set<string>();
    for (const [index, route] of object.spec.routes.entries()) {
      addRoute(object, index, route, { ...context, routes, shadowed });
    }
    context.findings.detail(object, {
      routes: object.spec.routes.length,
      ...(shadowed.size > 0 && { shadowedRoutes: [...shadowed] }),
    });
  }
  return routes;
}

interface RouteTarget extends RouteContext {
  readonly routes: Map<string, RouteEntry>;
  readonly shadowed: Set<string>;
}

function addRoute(
  object: ManifestOf<'TransportMap'>,
  index: number,
  route: Route,
  target: RouteTarget,
): void {
  const path = ['spec', 'routes', index];
  const hop = compileHop(route.nextHop, { ...target, object, path: [...path, 'nextHop'] });
  const rule = `TransportMap ${object.namespace}/${object.name} route ${route.name}`;
  for (const match of matchesOf(route, object.namespace === target.home ? undefined : object.namespace)) {
    const at = [...path, 'match', ...match.path];
    if (object.namespace !== target.home && !isInScope(match, object.namespace, target.domains)) {
      const text = `outside namespace ${target.home} a TransportMap governs only MailDomains of its own namespace, one by one: ${match.text} is none`;
      target.findings.reject(object, { reason: 'Invalid', path: at, text });
      continue;
    }
    const older = target.routes.get(match.key);
    if (older === undefined) {
      target.routes.set(match.key, { rule, hop });
      continue;
    }
    target.shadowed.add(route.name);
    const text = `${match.text} is taken by ${older.rule}, which is older`;
    target.findings.warn(object, { reason: 'Shadowed', path: at, text });
  }
}

function isInScope(match: Match, namespace: string, domains: ReadonlyMap<string, AcceptedDomain>): boolean {
  return match.domain === undefined || domains.get(match.domain)?.object.namespace === namespace;
}

function matchesOf({ match }: Route, namespace: string | undefined): Match[] {
  const recipients = (match.recipients ?? []).map((text, index) => ({
    key: routeKey.recipient(text),
    domain: domainOf(text),
    path: ['recipients', index],
    text,
  }));
  const domains = (match.domains ?? []).map((text, index) => ({
    key: text.startsWith('*.') ? routeKey.parent(text.slice(2)) : routeKey.domain(text),
    domain: text,
    path: ['domains', index],
    text,
  }));
  const senders = (match.senders ?? []).map((text, index) => ({
    key: text.startsWith('*@') ? routeKey.senderDomain(text.slice(2)) : routeKey.sender(text),
    domain: domainOf(text),
    path: ['senders', index],
    text,
  }));
  const rest =
    match.default === true
      ? [{ key: routeKey.default(namespace), domain: undefined, path: ['default'], text: 'default' }]
      : [];
  return [...recipients, ...domains, ...senders, ...rest];
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
