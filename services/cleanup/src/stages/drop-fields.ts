/**
 * Removes whole header fields (Postfix message_drop_headers): Bcc and Resent-Bcc of mail that starts here, Return-Path at
 * final delivery. Pure.
 */
import type { HeaderEdit, HeaderSection } from '@railpost/mail';

/** Edits that remove every field of these lower-case names. */
export function dropFields(section: HeaderSection, names: readonly string[]): HeaderEdit[] {
  return section.fields
    .filter((field) => names.includes(field.name))
    .map((field) => ({ at: field.start, remove: field.end - field.start, insert: '' }));
}
