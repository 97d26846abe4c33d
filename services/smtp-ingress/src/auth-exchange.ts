/** Carries an AUTH exchange through: challenges, the check of the password, the reply. One instance per AUTH command. */
import type { Next, Reaction } from '@railpost/smtp';
import { type ExchangeStep, beginExchange, continueExchange, responseLimitBytes } from './dialogue/auth.ts';
import type { Credentials } from './dialogue/auth.ts';
import type { Mechanism } from './dialogue/step.ts';
import { type ClientFields, loginRefused } from './events.ts';
import type { IngressContext } from './ingress-context.ts';
import type { LoginResult } from './passwords/login-verifier.ts';
import { type StatusName, reply } from './statuses.ts';

/** What the exchange needs of its session. */
export interface AuthSession {
  readonly context: IngressContext;
  client(): ClientFields;
  onSuccess(login: string): void;
  answer(status: StatusName, isError: boolean): Reaction;
  say(text: string, next: Next): Reaction;
}

const statusOf: Readonly<Record<LoginResult, StatusName>> = {
  accepted: 'authenticated',
  refused: 'authFailed',
  busy: 'authBusy',
};

/** One exchange. */
export class AuthExchange {
  readonly #mechanism: Mechanism;
  readonly #session: AuthSession;

  constructor(mechanism: Mechanism, session: AuthSession) {
    this.#mechanism = mechanism;
    this.#session = session;
  }

  /** @param initial the initial response of the AUTH command, if one came */
  begin(initial: string | undefined): Reaction | Promise<Reaction> {
    return this.#advance(beginExchange(this.#mechanism, initial));
  }

  #advance(step: ExchangeStep): Reaction | Promise<Reaction> {
    switch (step.kind) {
      case 'failed':
        return this.#refuse(step.status, '');
      case 'credentials':
        return this.#login(step.credentials);
      case 'challenge': {
        const next: Next = {
          kind: 'line',
          limitBytes: responseLimitBytes,
          receive: (line) =>
            line === undefined
              ? this.#refuse('authTooLong', '')
              : this.#advance(continueExchange(step.exchange, Buffer.from(line).toString('latin1').trim())),
        };
        return this.#session.say(reply('authContinue', { challenge: step.challenge }), next);
      }
    }
  }

  async #login({ login, password }: Credentials): Promise<Reaction> {
    const { context } = this.#session;
    const record = context.currentConfiguration().login(login);
    const result = await context.logins.check(record, password);
    context.metrics.logins.inc({ result });
    if (result !== 'accepted') return this.#refuse(statusOf[result], login);
    this.#session.onSuccess(record?.login ?? login);
    return this.#session.answer('authenticated', false);
  }

  #refuse(status: StatusName, login: string): Reaction {
    const fields = { ...this.#session.client(), mechanism: this.#mechanism, login, result: status };
    loginRefused(this.#session.context.log, fields);
    return this.#session.answer(status, true);
  }
}
