import { expect, it } from 'vitest';
import { AbortListeners } from './abort-listeners.ts';

it('calls all listeners of the signal that is aborted, and nobody who was removed', () => {
  const listeners = new AbortListeners();
  const first = new AbortController();
  const second = new AbortController();
  const heard: string[] = [];
  listeners.add(first.signal, () => heard.push('a'));
  const remove = listeners.add(first.signal, () => heard.push('b'));
  listeners.add(first.signal, () => heard.push('c'));
  listeners.add(second.signal, () => heard.push('d'));

  remove();
  first.abort();

  expect(heard).toEqual(['a', 'c']);
});
