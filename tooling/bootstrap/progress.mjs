/**
 * Tells a waiting person what is going on: on a terminal one line that counts seconds, elsewhere (CI logs) one line at
 * the start and one at the end. Everything goes to stderr: a task's stdout is its own.
 */

/**
 * Says one line.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`railpost: ${text}\n`);
}

/**
 * Runs `work` under a heading and says how long it took.
 * @template T
 * @param {string} heading what is being done, in the -ing form
 * @param {() => Promise<T>} work
 * @param {(result: T) => string | undefined} [complaint] what is wrong with a result, if anything
 * @returns {Promise<T>}
 */
export async function withProgress(heading, work, complaint = () => undefined) {
  const startMs = performance.now();
  const seconds = () => `${Math.round((performance.now() - startMs) / 1000)} s`;
  const isTerminal = process.stderr.isTTY === true;
  const show = () => process.stderr.write(`\rrailpost: ${heading} ... ${seconds()}`);
  if (!isTerminal) say(`${heading} ...`);
  const ticker = isTerminal ? setInterval(show, 1000) : undefined;
  if (isTerminal) show();
  try {
    const result = await work();
    process.stderr.write(
      `${isTerminal ? '\r' : ''}railpost: ${heading}: ${complaint(result) ?? `done in ${seconds()}`}\n`,
    );
    return result;
  } catch (error) {
    process.stderr.write(`${isTerminal ? '\r' : ''}railpost: ${heading}: failed after ${seconds()}\n`);
    throw error;
  } finally {
    clearInterval(ticker);
  }
}
