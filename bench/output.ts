/** Output of a measurement to the terminal, and into memory for those who write it into a document. */
import type { Output } from './measurement.ts';

/** An output that also keeps its text. */
export interface KeepingOutput extends Output {
  readonly kept: string;
}

/** Opens one. */
export function openOutput(): KeepingOutput {
  const isTerminal = process.stderr.isTTY;
  let kept = '';
  let hasProgress = false;
  return {
    get kept() {
      return kept;
    },
    text(text) {
      if (isTerminal && hasProgress) process.stderr.write('\r\u001B[K');
      hasProgress = false;
      kept += text;
      process.stdout.write(text);
    },
    progress(text) {
      hasProgress = true;
      process.stderr.write(isTerminal ? `\r\u001B[K${text.slice(0, 120)}` : `${text}\n`);
    },
  };
}
