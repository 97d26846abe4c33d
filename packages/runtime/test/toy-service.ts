/** A service for tests of the runtime: says what it was given, and drains as long as it is told to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineEvent, runService, setting } from '../src/index.ts';

const toyStarted = defineEvent<{ domain: string; drain: number }>({
  name: 'toy-started',
  level: 'info',
  text: 'toy started',
});
const toyStopped = defineEvent<object>({ name: 'toy-stopped', level: 'info', text: 'toy stopped' });

await runService({
  name: 'toy',
  settings: {
    drain: setting.duration({ text: 'Length of the drain.', default: '0s', min: '0s', max: '1m' }),
    fault: setting.choice({
      text: 'What goes wrong.',
      default: 'none',
      values: ['none', 'create', 'later', 'rejection', 'stop'],
    }),
  },
  create: async (context, settings) => {
    if (settings.fault === 'create') throw new TypeError('toy bug in create');
    if (settings.fault === 'later') setTimeout(() => context.fail(new TypeError('toy bug later')), 50);
    if (settings.fault === 'rejection')
      setTimeout(() => void Promise.reject(new TypeError('toy rejection')), 50);
    context.setProblem('toy', 'the toy has a problem');
    context.crashPoint('toy.created');
    toyStarted(context.log, {
      domain: context.configuration.current().platform.hostname,
      drain: settings.drain,
    });
    return {
      stop: async () => {
        await sleep(settings.drain);
        if (settings.fault === 'stop') throw new TypeError('toy bug in stop');
        toyStopped(context.log, {});
      },
    };
  },
});
