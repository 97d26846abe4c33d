import { expect, it } from 'vitest';
import { salvageQueueIds } from './corrupt-record.ts';

const first = '1kntH3JmNt4xt5Xw';
const second = '1kntH3JmNt4xt5Xz';

it.each<[what: string, text: string, found: string[]]>([
  ['a record that ends in the middle', `{"version":1,"envelope":{"queueId":"${first}","reversePa`, [first]],
  [
    'a bundle of several records',
    `RPB\x01 {"queueId":"${first}"} \xff\x00 {"queueId":"${second}",`,
    [first, second],
  ],
  ['a record that names it twice', `{"queueId":"${first}"}{"queueId":"${first}"}`, [first]],
  [
    'a report, which names what it settles',
    `{"queueId":"${first}","settles":[{"queueId":"${second}","orig":0`,
    [first],
  ],
  ['something that only looks like an id', '{"queueId":"aeiou"}', []],
  ['nothing', '', []],
])('the messages that %s is about', (_, text, found) => {
  expect(salvageQueueIds(Uint8Array.from(text, (character) => character.charCodeAt(0)))).toEqual(found);
});
