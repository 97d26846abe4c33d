/**
 * Ready, the condition that only the running platform can give: True once every process that is ready has applied a
 * configuration that contains the object. Pure.
 */
import type { ObjectStatus } from '@railpost/config';
import type { ObjectReadiness } from './platform-status.ts';

/** What decides it. */
export interface ReadyFacts {
  /** Hash of the configuration that the folder compiles to now; undefined when it has errors. */
  readonly folderRoot: string | undefined;
  /** Roots applied by the processes that are ready. */
  readonly appliedRoots: readonly string[];
}

/** The object's conditions with Ready added. */
export function withReady(object: ObjectStatus, facts: ReadyFacts): ObjectReadiness {
  const { kind, namespace, name } = object;
  return {
    kind,
    namespace,
    name,
    conditions: [...object.conditions, { type: 'Ready', ...decide(object, facts) }],
  };
}

function decide(
  object: ObjectStatus,
  facts: ReadyFacts,
): { status: 'True' | 'False' | 'Unknown'; reason: string; message: string } {
  if (object.conditions.some(({ status }) => status === 'False'))
    return { status: 'False', reason: 'NotAccepted', message: '' };
  if (facts.folderRoot === undefined)
    return {
      status: 'False',
      reason: 'NotAccepted',
      message: 'the folder has errors; nothing of it is applied',
    };
  if (facts.appliedRoots.length === 0)
    return { status: 'Unknown', reason: 'NoPods', message: 'no process is ready' };
  const behind = facts.appliedRoots.filter((root) => root !== facts.folderRoot).length;
  if (behind > 0)
    return { status: 'Unknown', reason: 'Applying', message: `${behind} processes have not applied it yet` };
  return { status: 'True', reason: 'Applied', message: '' };
}
