/**
 * What a user can mend: told in one line, without a stack. Everything else that is thrown is a bug and shows itself.
 */

/** A failure with a sentence for the user. */
export class Complaint extends Error {
  override readonly name: string = 'Complaint';
  readonly code = 'COMPLAINT';
  readonly temporary = false;
}
