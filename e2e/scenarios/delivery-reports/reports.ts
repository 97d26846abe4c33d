/** Reads delivery status notifications as a program would (RFC 3464), to compare what two mail systems say. */

/** What a report says that does not depend on who made it. */
export interface ReadReport {
  /** Subject of the message that it is about. */
  readonly about: string;
  readonly envelopeId: string | undefined;
  /** Final-Recipient, Original-Recipient, Action, Status of each recipient, in one line each, sorted. */
  readonly recipients: readonly string[];
  readonly actions: readonly string[];
  /** Content-Type of what is returned, and whether the body is among it. */
  readonly returned: string;
}

/** Reads what lies in a mailbox; messages that are no reports are left out. */
export function readReports(messages: readonly Buffer[]): ReadReport[] {
  return messages.map((each) => each.toString('latin1')).flatMap(readReport);
}

function readReport(text: string): ReadReport[] {
  if (!/^Content-Type: multipart\/report/m.test(text)) return [];
  const [, status = ''] = /^Content-Type: message\/delivery-status\n\n([^]*?)\n\n--/m.exec(text) ?? [];
  const [perMessage = '', ...perRecipient] = status.split('\n\n');
  const returned = /^Content-Description: [A-Za-z ]*Message.*\nContent-Type: (.*)\n([^]*)/m.exec(text);
  const recipients = perRecipient.map((fields) =>
    ['Final-Recipient', 'Original-Recipient', 'Action', 'Status', 'Remote-MTA']
      .map((name) => field(fields, name))
      .join(' | '),
  );
  return [
    {
      about: /^Subject: case (.*)$/m.exec(returned?.[2] ?? '')?.[1] ?? '',
      envelopeId: field(perMessage, 'Original-Envelope-Id'),
      recipients: recipients.toSorted(),
      actions: perRecipient.map((fields) => field(fields, 'Action') ?? ''),
      returned: `${returned?.[1]}${text.includes('body of case') ? ' with body' : ''}`,
    },
  ];
}

function field(fields: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'm').exec(fields)?.[1];
}
