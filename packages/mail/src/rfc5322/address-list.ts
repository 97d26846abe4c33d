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
  /** `open`: a quoted-string, literal, comment or quoted pair that never ends. Whatever it stands in is no clear case. */
  readonly kind: 'word' | 'literal' | 'special' | 'open';
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
  if (element.some((token) => token.kind === 'open')) return undefined;
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
  if (first === undefined || last === undefined || !isDotted(local, 'word')) return;
  if (at === -1) {
    found.push({ localStart: first.start, localEnd: last.end, end: last.end });
    return;
  }
  const domain = tokens.slice(at + 1);
  const end = domain.at(-1)?.end;
  const domainStart = domain[0]?.start;
  if (domainStart === undefined || end === undefined || !isDotted(domain, 'literal')) return;
  const lastName = domain.findLast((token) => !isSpecial(token, '.'));
  if (lastName === undefined) return;
  found.push({ localStart: first.start, localEnd: last.end, domainStart, domainEnd: lastName.end, end });
}

/**
 * True when words are joined by dots: two words in a row are a phrase, not an address. A literal may stand in a domain
 * (`widest`), not in a local-part.
 */
function isDotted(tokens: readonly Token[], widest: 'word' | 'literal'): boolean {
  return tokens.every((token, index) => {
    if (token.kind === 'special') return token.text === '.';
    if (token.kind === 'literal' && widest === 'word') return false;
    const before = tokens[index - 1];
    return before === undefined || isSpecial(before, '.');
  });
}

function isSpecial(token: Token, text: string): boolean {
  return token.kind === 'special' && token.text === text;
}

const specials = '<>@,;:.';

function* tokensOf(text: string): Generator<Token> {
  let start = 0;
  while (start < text.length) {
    const character = text.charAt(start);
    const end = endOfToken(text, start);
    if (end === undefined) {
      yield { kind: 'open', text: '', start, end: text.length };
      return;
    }
    const kind = kindOf(character);
    if (kind !== undefined) yield { kind, text: kind === 'special' ? character : '', start, end };
    start = end;
  }
}

/** Undefined: a comment or white space, which only separate. */
function kindOf(character: string): Exclude<Token['kind'], 'open'> | undefined {
  if (character === '(' || ' \t\r\n'.includes(character)) return undefined;
  if (character === '[') return 'literal';
  return specials.includes(character) ? 'special' : 'word';
}

/** Undefined: it never ends. */
function endOfToken(text: string, start: number): number | undefined {
  const character = text.charAt(start);
  if (character === '(') return endOfComment(text, start);
  if (character === '"') return endOfQuoted(text, start, '"');
  if (character === '[') return endOfQuoted(text, start, ']');
  return ` \t\r\n${specials}`.includes(character) ? start + 1 : endOfAtom(text, start);
}

function endOfAtom(text: string, start: number): number | undefined {
  let at = start;
  while (at < text.length && !'<>@,;:.("[ \t\r\n'.includes(text.charAt(at))) {
    const isPair = text.charAt(at) === '\\';
    if (isPair && '\r\n'.includes(text.charAt(at + 1))) return undefined;
    at += isPair ? 2 : 1;
  }
  return Math.min(at, text.length);
}

/** After the closing character; undefined when it never comes. */
function endOfQuoted(text: string, start: number, closing: string): number | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === closing) return at + 1;
  }
  return undefined;
}

function endOfComment(text: string, start: number): number | undefined {
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
  return undefined;
}
