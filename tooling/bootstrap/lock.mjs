/**
 * One setup at a time: `npm start` and `npm test` started together on a fresh clone must not run two `npm install`s into
 * one folder. The lock is a file that holds its owner's process id; a lock whose owner is dead is taken over.
 */
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './progress.mjs';

const pollMs = 200;
/** A takeover lasts microseconds: an older mark of one was left by a process that died in it. */
const takeoverIsDeadMs = 10_000;

/**
 * Runs `work` while holding the lock; waits for another process that holds it.
 * @template T
 * @param {string} lockFile
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(lockFile, work) {
  mkdirSync(dirname(lockFile), { recursive: true });
  let hasSaidSo = false;
  while (!tryToTake(lockFile)) {
    if (!hasSaidSo) say('waiting for another process that is setting up');
    hasSaidSo = true;
    await sleep(pollMs);
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

/** @param {string} lockFile */
function tryToTake(lockFile) {
  try {
    writeFileSync(lockFile, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (!isFileSystemError(error, 'EEXIST')) throw error;
    if (isOwnerDead(lockFile)) removeDeadLock(lockFile);
    return false;
  }
}

/** Two waiters may see the same dead owner: only the one that makes the folder removes the lock. @param {string} lockFile */
function removeDeadLock(lockFile) {
  const takeover = `${lockFile}.takeover`;
  try {
    mkdirSync(takeover);
  } catch (error) {
    if (!isFileSystemError(error, 'EEXIST')) throw error;
    const bornMs = statSync(takeover, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - bornMs > takeoverIsDeadMs) rmSync(takeover, { recursive: true, force: true });
    return;
  }
  if (isOwnerDead(lockFile)) rmSync(lockFile, { force: true });
  rmdirSync(takeover);
}

/** @param {string} lockFile */
function isOwnerDead(lockFile) {
  let text;
  try {
    text = readFileSync(lockFile, 'utf8');
  } catch (error) {
    if (isFileSystemError(error, 'ENOENT')) return false;
    throw error;
  }
  const owner = Number.parseInt(text, 10);
  // Made a moment ago and not yet written, or written by something else: only its age can tell.
  if (!(owner > 0))
    return (
      Date.now() - (statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > takeoverIsDeadMs
    );
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return isFileSystemError(error, 'ESRCH');
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function isFileSystemError(error, code) {
  return error instanceof Error && 'code' in error && error.code === code;
}
