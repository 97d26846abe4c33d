/** The client of the tests: connections that are closed with the test, and the usual steps of a transaction. */
import { type SmtpScript, type SmtpScriptOptions, openSmtpScript } from '@railpost/testkit';
import type { TestPlatform } from './harness.ts';

/** Opens connections to one platform. */
export class TestClient {
  readonly #platform: TestPlatform;
  readonly #scripts: SmtpScript[] = [];

  constructor(platform: TestPlatform) {
    this.#platform = platform;
  }

  /** Connects; the greeting is not read. */
  async open(port: number, options: SmtpScriptOptions = {}): Promise<SmtpScript> {
    const script = await openSmtpScript(port, options);
    this.#scripts.push(script);
    return script;
  }

  /** Connects and reads the greeting. */
  async connect(port: number, options: SmtpScriptOptions = {}): Promise<SmtpScript> {
    const script = await this.open(port, options);
    await script.reply();
    return script;
  }

  /** Connects to MX and says EHLO. */
  async connectMx(options: SmtpScriptOptions = {}): Promise<SmtpScript> {
    const script = await this.connect(this.#platform.ports.mx, options);
    await script.ask('EHLO client.test');
    return script;
  }

  /** Cuts all connections. */
  close(): void {
    for (const script of this.#scripts.splice(0)) script.close();
  }
}

/** Opens a transaction. Rejects unless everything is accepted. */
export async function beginMessage(script: SmtpScript, recipients = ['alice@example.test']): Promise<void> {
  const lines = ['MAIL FROM:<a@client.test>', ...recipients.map((recipient) => `RCPT TO:<${recipient}>`)];
  const replies = await script.say(...lines);
  const refused = replies.find((reply) => reply.code !== 250);
  if (refused !== undefined) throw new Error(refused.text);
}

/** Sends one message by DATA; the content comes with its last CRLF. Returns the last reply. */
export async function sendData(
  script: SmtpScript,
  wire: string,
  recipient = 'alice@example.test',
): Promise<string> {
  await beginMessage(script, [recipient]);
  const start = await script.ask('DATA');
  return start.startsWith('354 ') ? script.ask(`${wire}.`) : start;
}
