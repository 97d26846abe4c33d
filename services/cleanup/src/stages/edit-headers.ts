/**
 * All header edits of one message, in the order of the content. Mail that starts here (authenticated clients, Internal
 * listeners) is completed; other mail is not touched, except that an empty line is put where a line that is no header follows
 * the fields: without it our own trace fields would run into the body (as Postfix does). Mail that we made stays as made.
 */
import {
  type ClientFacts,
  type HeaderEdit,
  type HeaderField,
  type HeaderSection,
  fieldValue,
  parseHeaderSection,
} from '@railpost/mail';
import { completeHeaderAddresses } from './complete-addresses.ts';
import { dropFields } from './drop-fields.ts';
import { type MissingHeaderFacts, missingHeaders } from './missing-headers.ts';

/** What the edits depend on. */
export interface EditFacts extends MissingHeaderFacts {
  readonly client: Pick<ClientFacts, 'role' | 'login'>;
  readonly origin: string;
  /** Length of the whole content in octets. */
  readonly contentBytes: number;
}

/** Edits for each kind of next hop, and what the header section told us. */
export interface EditedHeader {
  readonly edits: readonly HeaderEdit[];
  /** The same, and Return-Path removed: the mailbox agent writes its own. */
  readonly mailboxEdits: readonly HeaderEdit[];
  /** As logged: with angle brackets; `<>` when there is none. */
  readonly messageId: string;
  /** Addresses in Delivered-To fields, lower case. */
  readonly deliveredTo: ReadonlySet<string>;
}

/** Decides all edits of a header section. `octets` may be followed by body octets. */
export function editHeader(octets: Uint8Array, facts: EditFacts): EditedHeader {
  const section = parseHeaderSection(octets);
  const isOurs = startsHere(facts.client);
  const missing = isOurs ? missingHeaders(section, facts) : { text: '', messageId: undefined };
  const inside = isOurs
    ? [
        ...completeHeaderAddresses(section, octets, facts.origin),
        ...dropFields(section, ['bcc', 'resent-bcc']),
      ]
    : [];
  const atEnd = endOfFields(section, octets, { added: missing.text, ...facts });
  const returnPaths = dropFields(section, ['return-path']);
  return {
    edits: inOrder([...inside, ...atEnd]),
    mailboxEdits: inOrder([...inside, ...returnPaths, ...atEnd]),
    messageId: missing.messageId ?? valueOf(section, octets, 'message-id') ?? '<>',
    deliveredTo: new Set(
      section.fields
        .filter((field) => field.name === 'delivered-to')
        .map((field) => bareAddress(octets, field).toLowerCase()),
    ),
  };
}

/** True for mail that enters the mail system here: its author is ours, and the header is ours to complete. */
function startsHere(client: Pick<ClientFacts, 'role' | 'login'>): boolean {
  return client.role === 'Internal' || (client.role !== 'Local' && client.login !== undefined);
}

function endOfFields(
  section: HeaderSection,
  octets: Uint8Array,
  facts: Pick<EditFacts, 'client' | 'contentBytes'> & { readonly added: string },
): HeaderEdit[] {
  const { fieldsEnd, bodyStart } = section;
  const isSeparated =
    bodyStart > fieldsEnd || facts.contentBytes <= bodyStart || facts.client.role === 'Local';
  const separator = isSeparated ? '' : '\r\n';
  // Content may end inside its last header line (BDAT without a final CRLF).
  const isCutOff = fieldsEnd > 0 && octets[fieldsEnd - 1] !== 0x0a;
  const insert = facts.added + separator;
  return insert === '' ? [] : [{ at: fieldsEnd, remove: 0, insert: isCutOff ? `\r\n${insert}` : insert }];
}

function inOrder(edits: readonly HeaderEdit[]): HeaderEdit[] {
  return edits.toSorted((left, right) => left.at - right.at);
}

function valueOf(section: HeaderSection, octets: Uint8Array, name: string): string | undefined {
  const field = section.fields.find((each) => each.name === name);
  return field === undefined ? undefined : fieldValue(octets, field);
}

function bareAddress(octets: Uint8Array, field: HeaderField): string {
  const value = fieldValue(octets, field);
  return value.startsWith('<') && value.endsWith('>') ? value.slice(1, -1) : value;
}
