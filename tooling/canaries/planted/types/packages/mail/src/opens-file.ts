/** Planted: a pure package that reaches for Node. */
import { readFileSync } from 'node:fs';

export const host = readFileSync('/etc/hostname');
