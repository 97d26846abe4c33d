/** `railpost status` as text. Pure. */
import { formatTable } from '../table.ts';
import type { ObjectReadiness, PlatformStatus } from './platform-status.ts';

/** The text. */
export function formatStatus(status: PlatformStatus): string {
  const { configuration, queues } = status;
  const root = configuration.root;
  const sections = [
    `configuration  revision ${configuration.revision}, root ${root.slice(0, 12)}`,
    `queues         ${Object.entries(queues)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    '',
    ...formatTable(
      ['PROCESS', 'READY', 'CONFIGURATION', 'SHARDS', 'HEALTH'],
      status.processes.map((each) => [
        each.name,
        each.isReady ? 'yes' : 'no',
        appliedText(each.configurationRoot, root),
        each.shards.join(','),
        each.httpUrl === '' ? '' : `${each.httpUrl}/health`,
      ]),
    ),
    '',
    ...formatTable(
      ['SHARD', 'OWNER', 'ACTIVE', 'DEFERRED', 'HOLD', 'IN FLIGHT', 'DESTINATIONS'],
      status.shards.map(({ shard, owner, statistics }) => [
        String(shard),
        owner === '' ? 'nobody' : owner,
        String(statistics?.active ?? '-'),
        String(statistics?.deferred ?? '-'),
        String(statistics?.held ?? '-'),
        String(statistics?.inFlight ?? '-'),
        String(statistics?.destinations ?? '-'),
      ]),
    ),
    ...objectLines(status.objects),
    '',
    ...(status.problems.length === 0
      ? ['No problems.']
      : ['Problems:', ...status.problems.map((text) => `  ${text}`)]),
  ];
  return `${sections.join('\n')}\n`;
}

function appliedText(applied: string, current: string): string {
  if (applied === '') return '';
  return applied === current ? 'current' : `${applied.slice(0, 12)} (behind)`;
}

/** Many objects are summed up by kind; those that are not ready stand with their reason. */
function objectLines(objects: readonly ObjectReadiness[]): readonly string[] {
  if (objects.length === 0) return [];
  const kinds = new Map<string, { ready: number; all: number }>();
  for (const object of objects) {
    const count = kinds.get(object.kind) ?? { ready: 0, all: 0 };
    count.all += 1;
    if (isReady(object)) count.ready += 1;
    kinds.set(object.kind, count);
  }
  const rows = [...kinds].map(([kind, { ready, all }]) => [kind, `${ready}/${all}`]);
  const unready = objects
    .filter((object) => !isReady(object))
    .slice(0, 20)
    .map((object) => `  ${object.kind} ${object.namespace}/${object.name}: ${reasonOf(object)}`);
  return ['', ...formatTable(['KIND', 'READY'], rows), ...unready];
}

function isReady(object: ObjectReadiness): boolean {
  return object.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function reasonOf(object: ObjectReadiness): string {
  const failing =
    object.conditions.find(({ status }) => status === 'False') ??
    object.conditions.find(({ status }) => status !== 'True');
  return failing === undefined ? '' : `${failing.reason} ${failing.message}`.trim();
}
