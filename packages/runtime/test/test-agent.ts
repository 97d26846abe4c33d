/** An agent whose deliveries a test ends by hand: two slots, the transport smtp, heartbeats of 200 ms. */
import type { Bus } from '@railpost/bus';
import { Registry } from 'prom-client';
import {
  type Agent,
  type AgentOptions,
  type AgentTask,
  CommonSettings,
  EventLog,
  type TaskResult,
  loadSettings,
  runAgent,
  systemClock,
} from '../src/index.ts';

/** A delivery that waits for its end. */
export interface TestTask {
  readonly task: AgentTask;
  readonly end: (result: TaskResult) => void;
  readonly fail: (error: Error) => void;
}

/** Starts it. @param options the agent's own, and who takes its log */
export async function startTestAgent(
  bus: Bus,
  { write = () => undefined, ...options }: Partial<AgentOptions> & { write?: (text: string) => void } = {},
): Promise<{ agent: Agent; tasks: TestTask[] }> {
  const tasks: TestTask[] = [];
  const settings = loadSettings(CommonSettings, {
    argv: ['--spool', 'dir:/nowhere', '--heartbeat', '200ms'],
    environment: {},
  });
  const named = { name: 'delivery-test', processName: 'one' };
  const log = new EventLog({
    service: named.name,
    processName: named.processName,
    format: 'json',
    level: 'info',
    write,
  });
  const agent = await runAgent(
    { bus, clock: systemClock, log, metrics: new Registry(), ...named, settings },
    {
      transports: ['smtp'],
      slots: 2,
      deliver: (task) =>
        new Promise((resolve, reject) => {
          tasks.push({ task, end: resolve, fail: reject });
        }),
      ...options,
    },
  );
  return { agent, tasks };
}

/** The one recipient was served. */
export const delivered: TaskResult = {
  recipients: [
    {
      index: 0,
      disposition: 'delivered',
      status: { code: '2.0.0', text: '250 ok' },
      relay: 'host[127.0.0.1]:2526',
    },
  ],
};
