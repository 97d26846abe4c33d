/**
 * ESMTP parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152, 3030), SMTPUTF8 (RFC 6531), AUTH (RFC 4954),
 * RET, ENVID, NOTIFY, ORCPT (RFC 3461). As Postfix, a repeated SIZE, BODY or AUTH overrides the earlier one, a repeated DSN
 * parameter is refused, and keywords and fixed values are taken in any case. Whether an extension is on offer is the caller's to decide, from what was given.
 */
import type { Envelope, NotifyCondition } from '../envelope.ts';
import { asciiUpperCase } from './command.ts';
import { decodeOriginalRecipient, decodeXtext } from './xtext.ts';

/** Parameters of MAIL; absent = not given. */
export interface MailParameters {
  /** Octets; at most 2^53. */
  size?: number;
  body?: NonNullable<Envelope['body']>;
  smtputf8?: true;
  /** Decoded mailbox of AUTH=; `<>` is the empty string. */
  auth?: string;
  ret?: NonNullable<Envelope['ret']>;
  /** Still xtext, as the envelope keeps it. */
  envid?: string;
}

/** Parameters of RCPT; absent = not given. */
export interface RcptParameters {
  notify?: NotifyCondition[];
  /** As received: `addr-type;xtext`. */
  orcpt?: string;
}

/** What was wrong: `unsupported` = unknown keyword or a value that the keyword does not have (555 5.5.4). */
export type ParameterProblem = 'unsupported' | 'size' | 'auth' | 'ret' | 'envid' | 'notify' | 'orcpt';

export type ParametersResult<Parameters> =
  | { readonly parameters: Parameters }
  | { readonly problem: ParameterProblem; readonly parameter: string };

type Reader<Parameters> = (value: string | undefined, into: Parameters) => ParameterProblem | undefined;

const mailReaders: ReadonlyMap<string, Reader<MailParameters>> = new Map<string, Reader<MailParameters>>([
  ['SIZE', readSize],
  ['BODY', readBody],
  ['SMTPUTF8', readSmtpUtf8],
  ['AUTH', readAuth],
  ['RET', readRet],
  ['ENVID', readEnvid],
]);

const rcptReaders: ReadonlyMap<string, Reader<RcptParameters>> = new Map<string, Reader<RcptParameters>>([
  ['NOTIFY', readNotify],
  ['ORCPT', readOrcpt],
]);

/** Parses the parameters of MAIL. */
export function parseMailParameters(text: string): ParametersResult<MailParameters> {
  return readAll(text, mailReaders, {});
}

/** Parses the parameters of RCPT. */
export function parseRcptParameters(text: string): ParametersResult<RcptParameters> {
  return readAll(text, rcptReaders, {});
}

function readAll<Parameters>(
  text: string,
  readers: ReadonlyMap<string, Reader<Parameters>>,
  parameters: Parameters,
): ParametersResult<Parameters> {
  for (const parameter of text.split(/[ \t]/)) {
    if (parameter === '') continue;
    const equals = parameter.indexOf('=');
    const keyword = asciiUpperCase(equals === -1 ? parameter : parameter.slice(0, equals));
    const value = equals === -1 ? undefined : parameter.slice(equals + 1);
    const reader = readers.get(keyword);
    const problem = reader === undefined ? 'unsupported' : reader(value, parameters);
    if (problem !== undefined) return { problem, parameter };
  }
  return { parameters };
}

function readSize(value: string | undefined, into: MailParameters): ParameterProblem | undefined {
  if (value === undefined) return 'unsupported';
  if (!/^[0-9]+$/.test(value)) return 'size';
  into.size = Math.min(Number(value), Number.MAX_SAFE_INTEGER);
  return undefined;
}

function readBody(value: string | undefined, into: MailParameters): ParameterProblem | undefined {
  const body = asciiUpperCase(value ?? '');
  if (body !== '7BIT' && body !== '8BITMIME' && body !== 'BINARYMIME') return 'unsupported';
  into.body = body;
  return undefined;
}

function readSmtpUtf8(value: string | undefined, into: MailParameters): ParameterProblem | undefined {
  if (value !== undefined) return 'unsupported';
  into.smtputf8 = true;
  return undefined;
}

function readAuth(value: string | undefined, into: MailParameters): ParameterProblem | undefined {
  if (value === undefined) return 'unsupported';
  const mailbox = value === '' ? undefined : decodeXtext(value);
  if (mailbox === undefined) return 'auth';
  into.auth = mailbox === '<>' ? '' : mailbox;
  return undefined;
}

function readRet(value: string | undefined, into: MailParameters): ParameterProblem | undefined {
  if (value === undefined) return 'unsupported';
  const ret = asciiUpperCase(value);
  if (into.ret !== undefined || (ret !== 'FULL' && ret !== 'HDRS')) return 'ret';
  into.ret = ret;
  return undefined;
}

function readEnvid(value: string | undefined, into: MailParameters): ParameterProblem | undefined {
  if (value === undefined) return 'unsupported';
  // RFC 3461 section 4.4: xtext of printable ASCII. Longer than its 100 characters is taken, as Postfix does.
  const decoded = value === '' ? undefined : decodeXtext(value);
  if (into.envid !== undefined || decoded === undefined) return 'envid';
  if (!/^[ -~]+$/.test(decoded)) return 'envid';
  into.envid = value;
  return undefined;
}

const conditions: readonly NotifyCondition[] = ['SUCCESS', 'FAILURE', 'DELAY'];

function readNotify(value: string | undefined, into: RcptParameters): ParameterProblem | undefined {
  if (value === undefined) return 'unsupported';
  if (into.notify !== undefined) return 'notify';
  const names = asciiUpperCase(value)
    .split(',')
    .filter((name) => name !== '');
  if (names.length === 1 && names[0] === 'NEVER') {
    into.notify = ['NEVER'];
    return undefined;
  }
  const notify = conditions.filter((condition) => names.includes(condition));
  if (notify.length === 0 || notify.length !== new Set(names).size) return 'notify';
  into.notify = notify;
  return undefined;
}

function readOrcpt(value: string | undefined, into: RcptParameters): ParameterProblem | undefined {
  if (value === undefined) return 'unsupported';
  // RFC 3461 section 4.2: at most 500 characters.
  const original = value.length > 500 ? undefined : decodeOriginalRecipient(value);
  if (into.orcpt !== undefined || original === undefined) return 'orcpt';
  if (/[\r\n]/.test(original.address)) return 'orcpt';
  into.orcpt = value;
  return undefined;
}
