/** A service of the canary workspace: it may use all packages but the test kit. */
import { start } from '@railpost/runtime';
import { chooseFile } from './stages/choose-file.ts';

await start(chooseFile(['first', 'second']));
