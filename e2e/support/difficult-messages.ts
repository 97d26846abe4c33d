/**
 * Messages that mail systems damage: each is content as it must arrive, octet by octet, after the trace fields that the hops put
 * in front. Content is Latin-1 text here: one character is one octet.
 */

/** One message of the collection. */
export interface DifficultMessage {
  readonly name: string;
  readonly content: Buffer;
  /** True when DATA cannot carry it as it is (no final CRLF): it is sent by BDAT. */
  readonly needsChunking: boolean;
}

const head =
  'From: <alice@example.test>\r\nTo: <carol@partner.test>\r\nSubject: difficult\r\nMessage-ID: <difficult@example.test>\r\nDate: Sat, 21 Nov 2026 16:00:00 +0000\r\n';

function message(name: string, text: string, needsChunking = false): DifficultMessage {
  return { name, content: Buffer.from(text, 'latin1'), needsChunking };
}

/** Every octet but CR and LF, in lines of 64. */
function everyOctet(): string {
  const octets = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
    (each) => each !== '\r' && each !== '\n',
  );
  return (octets.join('').match(/[^]{1,64}/g) ?? []).join('\r\n');
}

/** The collection. */
export function difficultMessages(): DifficultMessage[] {
  return [
    message('a plain message', `${head}\r\nHello\r\n`),
    message('an empty body', `${head}\r\n`),
    message('a header section without a body', head),
    message('8-bit in body and header', `X-Name: J\xf6rg \xff\xfe\r\n${head}\r\n\xe4\xf6\xfc \x80\xff\r\n`),
    message('NUL and every other octet', `${head}\r\n${everyOctet()}\r\n`),
    message('a line of exactly 998 octets', `${head}\r\n${'x'.repeat(998)}\r\nend\r\n`),
    message(
      'lines far longer than 998 octets',
      `${head}\r\n${'y'.repeat(5000)}\r\n${'z'.repeat(70_000)}\r\n`,
    ),
    message(
      'a very long folded header',
      `${head}X-Long: ${Array.from({ length: 200 }, (_, index) => `part${index}`).join('\r\n\t')}\r\n\r\nbody\r\n`,
    ),
    message('dots at the start of lines', `${head}\r\n.\r\n..\r\n...\r\n.x\r\n. \r\n.\r\n`),
    message('a body that is only dots', `${head}\r\n${'.\r\n'.repeat(2000)}`),
    message('trailing spaces, tabs and empty lines', `${head}\r\n  \t \r\n\r\n\r\nx \t\r\n\r\n`),
    message(
      'a body that looks like a header section',
      `${head}\r\nReceived: from nowhere\r\nBcc: x@y.test\r\n\r\nFrom: z\r\n`,
    ),
    message(
      'fields with odd spacing and an empty field',
      `${head}Subject2 : odd\r\nX-Empty:\r\nX-Tab:\tx\r\n\r\nbody\r\n`,
    ),
    message('Bcc from a stranger is content', `${head}Bcc: secret@partner.test\r\n\r\nbody\r\n`),
    message('no header section at all', '\r\njust a body\r\n'),
    message('no final newline', `${head}\r\nthe end without a newline`, true),
  ];
}
