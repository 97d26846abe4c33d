/**
 * The cases of this scenario: what is sent, and how many reports the sender gets. The same messages go to Railpost and to a real
 * Postfix; what the reports say is compared, not written down here.
 */

/** One message. */
export interface ReportCase {
  /** Stands in the Subject, by which reports are told apart. */
  readonly name: string;
  readonly mail?: string;
  readonly recipients: readonly string[];
  /** @default alice@example.test */
  readonly reversePath?: string;
  /** Sent by Submission, logged in as alice. */
  readonly isAuthenticated?: boolean;
  /** Actions of the reports that the sender gets, one per recipient reported, sorted. */
  readonly actions: readonly string[];
}

/** The table. Domains: see run.test.ts. */
export const cases: readonly ReportCase[] = [
  {
    name: 'mailbox',
    mail: 'RET=FULL ENVID=QQ+2B314159',
    recipients: ['<bob@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bshop@example.test'],
    actions: ['delivered'],
  },
  {
    name: 'authenticated',
    mail: 'RET=HDRS ENVID=abc',
    recipients: ['<bob@example.test> NOTIFY=SUCCESS'],
    isAuthenticated: true,
    actions: ['delivered'],
  },
  { name: 'lmtp', recipients: ['<dora@lmtp.test> NOTIFY=SUCCESS'], actions: ['delivered'] },
  { name: 'relayed', mail: 'ENVID=r1', recipients: ['<x@plain.test> NOTIFY=SUCCESS'], actions: ['relayed'] },
  {
    name: 'passed on',
    mail: 'RET=HDRS ENVID=p1',
    recipients: [
      '<x@dsn.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;y@example.test',
      '<z@dsn.test> NOTIFY=NEVER',
    ],
    actions: [],
  },
  { name: 'alias', recipients: ['<team@example.test> NOTIFY=SUCCESS'], actions: ['expanded'] },
  {
    name: 'alias to one',
    mail: 'ENVID=one',
    recipients: ['<postmaster@example.test> NOTIFY=SUCCESS,FAILURE'],
    actions: ['expanded'],
  },
  {
    name: 'alias that fails',
    recipients: ['<dead@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dead@example.test'],
    actions: ['expanded', 'failed'],
  },
  {
    name: 'one of both',
    recipients: ['<bob@example.test> NOTIFY=SUCCESS', '<refused@plain.test> NOTIFY=SUCCESS,FAILURE'],
    actions: ['delivered', 'failed'],
  },
  {
    name: 'repeated',
    recipients: Array(2).fill('<bob@example.test> NOTIFY=SUCCESS'),
    actions: ['delivered'],
  },
  {
    name: 'failure full',
    mail: 'RET=FULL',
    recipients: ['<refused@plain.test> NOTIFY=FAILURE'],
    actions: ['failed'],
  },
  {
    name: 'failure headers',
    mail: 'RET=HDRS',
    recipients: ['<refused@plain.test> NOTIFY=FAILURE,DELAY'],
    actions: ['failed'],
  },
  { name: 'failure only', recipients: ['<bob@example.test> NOTIFY=FAILURE'], actions: [] },
  { name: 'nothing said', recipients: ['<bob@example.test>'], actions: [] },
  {
    name: 'never',
    recipients: ['<bob@example.test> NOTIFY=NEVER', '<refused@plain.test> NOTIFY=NEVER'],
    actions: [],
  },
  { name: 'success that fails', recipients: ['<refused@plain.test> NOTIFY=SUCCESS'], actions: [] },
  {
    name: 'null reverse-path',
    reversePath: '',
    recipients: ['<bob@example.test> NOTIFY=SUCCESS'],
    actions: [],
  },
  {
    name: 'undeliverable report',
    reversePath: 'refused@plain.test',
    recipients: ['<bob@example.test> NOTIFY=SUCCESS'],
    actions: [],
  },
];
