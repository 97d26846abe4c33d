/**
 * The words that fields of several kinds share: names, domains, addresses, durations, quantities, references.
 * Every string and list is bounded, so that CEL costs stay within the API server's budget. Patterns are RE2 and JavaScript
 * at once: no lookahead, no Unicode escapes.
 */
import { z } from 'zod';
import { mayBeTrusted, parsePrefix } from './network.ts';
import { ruled } from './rule.ts';
import { durationMs, durationPattern, quantityBytes, quantityPattern } from './units.ts';

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
/** Octets of a dot-string's atoms in lower case; everything outside ASCII is allowed (RFC 6531). */
const atom = '[^\\x00-\\x20A-Z"(),.:;<>@\\[\\\\\\]\\x7f]+';
const domainSource = `${label}(\\.${label})*`;
const localPartSource = `${atom}(\\.${atom})*`;

/** Domains: A-labels in lower case. */
const domainNamePattern = new RegExp(`^${domainSource}$`);
/** Local parts: dot-strings in lower case (RFC 5321 section 4.1.2). */
const localPartPattern = new RegExp(`^${localPartSource}$`);
const addressPattern = new RegExp(`^${localPartSource}@${domainSource}$`);
const hostPattern = new RegExp(`^(${domainSource}|[0-9a-f:.]+)$`);
const objectNamePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const shortNamePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Name of a Kubernetes object. */
export function objectName(): z.ZodString {
  return z
    .string()
    .max(253)
    .regex(objectNamePattern, 'must be letters, digits, - and . in lower case, at most 253');
}

/** Name of an entry of a list. */
export function entryName(): z.ZodString {
  return z
    .string()
    .max(63)
    .regex(shortNamePattern, 'must be letters, digits and - in lower case, at most 63');
}

/** A domain. */
export function domainName(): z.ZodString {
  return z
    .string()
    .max(253)
    .regex(domainNamePattern, 'must be a domain of A-labels in lower case, such as example.test');
}

/** A local part. */
export function localPart(): z.ZodString {
  return z
    .string()
    .max(64)
    .regex(localPartPattern, 'must be a local part in lower case without quotes, such as a.smith');
}

/** A mailbox address. */
export function address(): z.ZodString {
  return z
    .string()
    .max(318)
    .regex(addressPattern, 'must be an address in lower case, such as user@example.test');
}

/** A host name or an IP address (without brackets). */
export function host(): z.ZodString {
  return z.string().max(253).regex(hostPattern, 'must be a host name in lower case or an IP address');
}

/** A TCP port. */
export function port(): z.ZodInt {
  return z.int().min(1).max(65535);
}

/** A whole number within bounds. */
export function count(minimum: number, maximum: number): z.ZodInt {
  return z.int().min(minimum).max(maximum);
}

/** A duration within bounds, which are inclusive. */
export function duration(minimum: string, maximum: string): z.ZodString {
  const text = z
    .string()
    .max(12)
    .regex(durationPattern, 'must be a whole number with ms, s, m, h or d, such as 300s')
    .meta({ format: 'duration' });
  return ruled(text, {
    cel: `self >= duration('${celDuration(minimum)}') && self <= duration('${celDuration(maximum)}')`,
    message: `must be at least ${minimum} and at most ${maximum}`,
    holds: (value) => isWithin(value, minimum, maximum),
  }).meta({ format: 'duration' });
}

/** CEL's own literals know no days. */
function celDuration(text: string): string {
  return text.endsWith('d') ? `${Number.parseInt(text, 10) * 24}h` : text;
}

function isWithin(value: string, minimum: string, maximum: string): boolean {
  if (!durationPattern.test(value)) return true; // the pattern has said so already
  const milliseconds = durationMs(value);
  return milliseconds >= durationMs(minimum) && milliseconds <= durationMs(maximum);
}

/** A quantity of octets within bounds, which are inclusive: `50Mi` or a plain number. */
export function quantity(minimum: string, maximum: string): z.ZodType<string | number, string | number> {
  return z
    .union([z.number(), z.string().max(20)])
    .superRefine((value, context) => {
      if (!quantityPattern.test(String(value))) {
        context.addIssue({ code: 'custom', message: 'must be a quantity of octets, such as 50Mi' });
        return;
      }
      const bytes = quantityBytes(value);
      if (bytes >= quantityBytes(minimum) && bytes <= quantityBytes(maximum)) return;
      context.addIssue({ code: 'custom', message: `must be at least ${minimum} and at most ${maximum}` });
    })
    .meta({ 'x-kubernetes-int-or-string': true, pattern: quantityPattern.source });
}

/** A network that may be trusted: /8 or longer, /16 for IPv6, fc00::/7 excepted. */
export function trustedPrefix(): z.ZodString {
  return ruled(
    z.string().min(3).max(50),
    {
      cel: 'isCIDR(self)',
      message: 'must be a CIDR prefix without host bits, such as 10.2.0.0/16',
      holds: (value) => parsePrefix(value) !== undefined,
    },
    {
      cel: '!isCIDR(self) || cidr(self).masked() == cidr(self)',
      message: 'must not have host bits, such as 10.2.0.0/16',
    },
    {
      cel: "!isCIDR(self) || (cidr(self).ip().family() == 4 ? cidr(self).prefixLength() >= 8 : cidr(self).prefixLength() >= 16 || cidr('fc00::/7').containsCIDR(self))",
      message: 'is too wide to be trusted: at least /8, for IPv6 /16 (fc00::/7 excepted)',
      holds: (value) => {
        const prefix = parsePrefix(value);
        return prefix === undefined || mayBeTrusted(prefix);
      },
    },
  );
}

/** Reference to a Secret of the object's own namespace. */
export function secretRef(what: string): z.ZodObject<{ name: z.ZodString }, z.core.$strict> {
  return z
    .strictObject({ name: objectName().describe('Name of the Secret, in the namespace of this object.') })
    .describe(what);
}

/** The MailPlatform that an object belongs to. */
export function platformRef(): z.ZodDefault<z.ZodObject<{ name: z.ZodString }, z.core.$strict>> {
  return z
    .strictObject({ name: objectName().describe('Name of the MailPlatform.') })
    .default({ name: 'main' })
    .describe('The MailPlatform that this object belongs to, in the namespace of the installation.');
}

/** Marks a list as a map by key, so that server-side apply merges it entry by entry; keys must differ. */
export function listMap<S extends z.ZodType<readonly object[]>>(list: S, key: string): S {
  const checked = list.superRefine((items, context) => {
    const keys = items.map((item) => new Map<string, unknown>(Object.entries(item)).get(key));
    if (new Set(keys).size === keys.length) return;
    context.addIssue({ code: 'custom', message: `must not name the same ${key} twice` });
  });
  return checked.meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** Marks a list of plain values as a set: no value twice. */
export function listSet<S extends z.ZodType<readonly unknown[]>>(list: S): S {
  const checked = list.superRefine((value, context) => {
    if (new Set(value).size === value.length) return;
    context.addIssue({ code: 'custom', message: 'must not name the same value twice' });
  });
  return checked.meta({ 'x-kubernetes-list-type': 'set' });
}
