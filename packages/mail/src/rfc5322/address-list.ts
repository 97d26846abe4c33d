/**
 * Finds the addresses inside the value of From, To, Cc and their like (RFC 5322 section 3.4, obsolete syntax too) as
 * offsets, so that an address is completed by splices and everything around it stays as the author wrote it: display names,
 * comments, groups, encoded words, folding. Only clear cases are reported: an element with stray words, an open quote or an
 * open comment is left alone. One pass, linear time.
 */

/** One address; offsets into the text. */
export interface LocatedAddress {
  readonly localStart: number;
  readonly localEnd: number;
  /** After the `@`; absent when there is no domain. Without trailing dot. */
  readonly domainStart?: number;
  readonly domainEnd?: number;
  /** Where the address ends; greater than domainEnd when dots follow the domain. */
  readonly end: number;
}

/** Lexical elements that matter; comments and white space are skipped while scanning. */
interface Token {
  readonly kind: 'word' | 'literal' | 'special';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Locates the addresses of an address list. `text` is the field's value, one code unit per octet. */
export function locateAddresses(text: string): LocatedAddress[] {
  const found: LocatedAddress[] = [];
  let element: Token[] = [];
  let isInAngle = false;
  for (const token of tokensOf(text)) {
    if (isSpecial(token, '<')) isInAngle = true;
    else if (isSpecial(token, '>')) isInAngle = false;
    // Inside of angle brackets `,` and `:` belong to a source route.
    if (!isInAngle && (isSpecial(token, ',') || isSpecial(token, ';'))) {
      addAddress(element, found);
      element = [];
    } else if (!isInAngle && isSpecial(token, ':')) {
      // The display name of a group; what follows is its first member.
      element = [];
    } else element.push(token);
  }
  addAddress(element, found);
  return found;
}

function addAddress(element: readonly Token[], found: LocatedAddress[]): void {
  const open = element.findIndex((token) => isSpecial(token, '<'));
  const close = element.findIndex((token) => isSpecial(token, '>'));
  if (open === -1 && close === -1) return pushAddress(element, found);
  if (open === -1 || close !== element.length - 1) return undefined;
  const inner = element.slice(open + 1, close);
  const route = inner.findLastIndex((token) => isSpecial(token, ':'));
  return pushAddress(inner.slice(route + 1), found);
}

/** Takes `word(.word)*[@domain]`, dots allowed anywhere in the local-part as in the wild. */
function pushAddress(tokens: readonly Token[], found: LocatedAddress[]): void {
  const at = tokens.findIndex((token) => isSpecial(token, '@'));
  const local = at === -1 ? tokens : tokens.slice(0, at);
  const first = local[0];
  const last = local.at(-1);
  if (first === undefined || last === undefined || !isDotted(local)) return;
  if (at === -1) {
    found.push({ localStart: first.start, localEnd: last.end, end: last.end });
    return;
  }
  const domain = tokens.slice(at + 1);
  const end = domain.at(-1)?.end;
  const domainStart = domain[0]?.start;
  if (domainStart === undefined || end === undefined || !isDotted(domain)) return;
  const lastName = domain.findLast((token) => !isSpecial(token, '.'));
  if (lastName === undefined) return;
  found.push({ localStart: first.start, localEnd: last.end, domainStart, domainEnd: lastName.end, end });
}

/** True when words are joined by dots: two words in a row are a phrase, not an address. */
function isDotted(tokens: readonly Token[]): boolean {
  return tokens.every((token, index) => {
    if (token.kind === 'special') return token.text === '.';
    const before = tokens[index - 1];
    return before === undefined || isSpecial(before, '.');
  });
}

function isSpecial(token: Token, text: string): boolean {
  return token.kind === 'special' && token.text === text;
}

const specials = '<>@,;:.';

function* tokensOf(text: string): Generator<Token> {
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    const start = at;
    if (character === '(') at = endOfComment(text, at);
    else if (' \t\r\n'.includes(character)) at += 1;
    else if (character === '"') {
      at = endOfQuoted(text, at, '"');
      yield { kind: 'word', text: '', start, end: at };
    } else if (character === '[') {
      at = endOfQuoted(text, at, ']');
      yield { kind: 'literal', text: '', start, end: at };
    } else if (specials.includes(character)) {
      at += 1;
      yield { kind: 'special', text: character, start, end: at };
    } else {
      at = endOfAtom(text, at);
      yield { kind: 'word', text: '', start, end: at };
    }
  }
}

function endOfAtom(text: string, start: number): number {
  let at = start;
  while (at < text.length && !'<>@,;:.("[ \t\r\n'.includes(text.charAt(at))) {
    at += text.charAt(at) === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length);
}

/** After the closing character, or the end of the text when it never comes. */
function endOfQuoted(text: string, start: number, closing: string): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === closing) return at + 1;
  }
  return text.length;
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
