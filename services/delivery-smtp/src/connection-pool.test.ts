/** The bounds of the pool, on a clock of the test. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionPool, type PoolLimits, type PooledSession } from './connection-pool.ts';

class Session implements PooledSession {
  isReusable = true;
  transactions = 1;
  hasQuit = false;
  quit(): void {
    this.hasQuit = true;
  }
  destroy(): void {
    this.isReusable = false;
  }
}

let now = 0;
beforeEach(() => {
  now = 0;
});

function pool(limits: Partial<PoolLimits> = {}): ConnectionPool<Session> {
  const all = { idleMs: 2000, lifetimeMs: 10_000, uses: 0, idlePerKey: 2, idleInAll: 3, ...limits };
  return new ConnectionPool<Session>(all, () => now);
}

describe('ConnectionPool', () => {
  it('gives a session back for the same key only', () => {
    const one = pool();
    const session = new Session();
    one.give('a', session);

    expect(one.take('b')).toBeUndefined();
    expect(one.take('a')).toBe(session);
    expect(one.take('a')).toBeUndefined();
    expect(one.size).toBe(0);
  });

  it('prefers the session that was used last', () => {
    const one = pool();
    const [older, newer] = [new Session(), new Session()];
    one.give('a', older);
    one.give('a', newer);

    expect(one.take('a')).toBe(newer);
  });

  it('says farewell to a session that was idle for too long', () => {
    const one = pool();
    const session = new Session();
    one.give('a', session);
    now = 2001;

    expect(one.take('a')).toBeUndefined();
    expect(session.hasQuit).toBe(true);
    expect(one.size).toBe(0);
  });

  it('says farewell to a session that has lived long enough, however busy', () => {
    const one = pool();
    const session = new Session();
    one.noteOpened(session);
    now = 10_001;
    one.give('a', session);

    expect(session.hasQuit).toBe(true);
    expect(one.size).toBe(0);
  });

  it('says farewell after so many messages', () => {
    const one = pool({ uses: 3 });
    const session = new Session();
    session.transactions = 3;
    one.give('a', session);

    expect(session.hasQuit).toBe(true);
  });

  it('passes over sessions that died while they waited', () => {
    const one = pool();
    const [alive, dead] = [new Session(), new Session()];
    one.give('a', alive);
    one.give('a', dead);
    dead.isReusable = false;

    expect(one.take('a')).toBe(alive);
  });

  it('keeps no more than there is room for, per key and in all', () => {
    const one = pool();
    const sessions = ['a', 'a', 'a', 'b', 'c'].map((key) => {
      const session = new Session();
      one.give(key, session);
      return session;
    });

    expect(sessions.map((session) => session.hasQuit)).toEqual([false, false, true, false, true]);
    expect(one.size).toBe(3);
  });

  it('keeps nothing when idle time is zero', () => {
    const one = pool({ idleMs: 0 });
    const session = new Session();
    one.give('a', session);

    expect(session.hasQuit).toBe(true);
  });

  it('sweeps away what is stale, and keeps the rest', () => {
    const one = pool();
    const [old, dead, fresh] = [new Session(), new Session(), new Session()];
    one.give('a', old);
    now = 1500;
    one.give('a', dead);
    one.give('b', fresh);
    dead.isReusable = false;
    now = 2500;
    one.sweep();

    expect([old.hasQuit, dead.hasQuit, fresh.hasQuit]).toEqual([true, true, false]);
    expect(one.size).toBe(1);
  });

  it('says farewell to all at the end', () => {
    const one = pool();
    const session = new Session();
    one.give('a', session);
    one.close();

    expect(session.hasQuit).toBe(true);
    expect(one.take('a')).toBeUndefined();
  });
});
