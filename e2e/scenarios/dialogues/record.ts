/**
 * Records what a Postfix answers to the dialogues: `node e2e/scenarios/dialogues/record.ts PORT > .../postfix-3.11.json`.
 * The recorded file was made with Postfix 3.11.7 (Debian sid) on the settings of postfix-main.cf. Run it again only on purpose:
 * the file is what Railpost is compared with.
 */
import { readFileSync } from 'node:fs';
import { parseDialogues, playDialogue } from '../../support/dialogue.ts';

const port = Number(process.argv[2]);
const script = readFileSync(new URL('mx.txt', import.meta.url), 'utf8');
const recorded: Record<string, readonly (readonly string[])[]> = {};
for (const dialogue of parseDialogues(script)) {
  const answers = await playDialogue(port, dialogue);
  recorded[dialogue.name] = answers.map((answer) => answer.replies);
}
process.stdout.write(`${JSON.stringify(recorded, null, 1)}\n`);
