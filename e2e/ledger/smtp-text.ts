/** The few pieces of SMTP text that sender and far ends share (RFC 5321 sections 4.1.2 and 4.5.2). */

/** The address between the first angle brackets of a command. */
export function pathIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}

/** Doubles the dots that begin lines. */
export function stuff(content: Buffer): Buffer {
  return insertAtLineDots(content, (piece) => [piece, dot]);
}

/** Removes the dots that were doubled. */
export function unstuff(content: Buffer): Buffer {
  return insertAtLineDots(content, (piece) => [piece.subarray(0, -1)]);
}

const dot = Buffer.from('.');

/** Cuts behind each dot that begins a line and joins what `change` makes of the pieces before the cuts. */
function insertAtLineDots(content: Buffer, change: (piece: Buffer) => readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [];
  let start = 0;
  const cut = (behindDot: number): void => {
    pieces.push(...change(content.subarray(start, behindDot)));
    start = behindDot;
  };
  if (content[0] === 0x2e) cut(1);
  for (let at = content.indexOf('\r\n.', 0); at !== -1; at = content.indexOf('\r\n.', at + 2)) cut(at + 3);
  return start === 0 ? content : Buffer.concat([...pieces, content.subarray(start)]);
}
