/** Comparing the model's lines: a mutant that survives and a new violation are problems even when somebody committed them. */
import { expect, it } from 'vitest';
import { differences, parseLines } from './compare.ts';

const line = (text: string) => parseLines(text.replaceAll(' | ', '\t'));
const good = line('built | 08 pause | 10 | \nmutant | no fence | - | STUCK');

it('has nothing to say about lines that are as committed', () => {
  expect(differences(good, good)).toEqual([]);
});

it('passes over lines of another form', () => {
  expect(parseLines('some warning\nbuilt\tx\t1\t\n')).toHaveLength(1);
});

it.each([
  ['another number of states', 'built | 08 pause | 11 | ', '08 pause: was built, 10 states'],
  ['a run that is not committed', 'built | 99 new | 1 | ', '99 new: not in expected.txt'],
])('tells of %s', (_, text, problem) => {
  expect(differences(line(text), good)[0]).toContain(problem);
});

it.each([
  ['a mutant that survives', 'mutant | no fence | - | ', 'no fence: the mutant survives'],
  ['a violation', 'built | 08 pause | 10 | LOST', '08 pause: violates LOST'],
  ['more than is inherent', 'built | 23 worker | 10 | DUPC LOST', '23 worker: violates LOST'],
])('does not take %s, committed or not', (_, text, problem) => {
  expect(differences(line(text), line(text))).toEqual([problem]);
});

it('takes what is inherent, and not silence', () => {
  const inherent = line('built | 23 worker | 10 | DUPC');

  expect(differences(inherent, inherent)).toEqual([]);
  expect(differences([], good)).toEqual(['the model said nothing']);
});
