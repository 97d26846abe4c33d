/**
 * Fetches a file by HTTP and holds it to a SHA-256. "Out of reach" is an answer, not an exception, and is known soon:
 * no reply within 2.5 s or a transfer that stands still for 10 s counts as out of reach.
 */
import { createHash } from 'node:crypto';

/** Time until the reply's header section, redirects included. */
const replyTimeoutMs = 2500;
const stallTimeoutMs = 10_000;
/** nats-server is 8 MB packed; a server that sends more than this is not sending nats-server. */
const largestBytes = 200 * 1024 * 1024;

/**
 * Fetches `url`.
 * @param {string} url
 * @param {string | undefined} sha256 hexadecimal; undefined = unchecked (an index page, never a program)
 * @returns {Promise<{ bytes: Buffer } | { reason: string }>}
 */
export async function download(url, sha256) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), replyTimeoutMs);
  try {
    // The race: a name lookup that hangs cannot be aborted.
    const reply = await Promise.race([fetch(url, { signal: abort.signal }), rejectOn(abort.signal)]);
    if (!reply.ok || reply.body === null) return { reason: `${url} answers ${reply.status}` };
    /** @type {Uint8Array[]} */
    const chunks = [];
    let received = 0;
    for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (reply.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), stallTimeoutMs);
      chunks.push(chunk);
      received += chunk.length;
      if (received > largestBytes) return { reason: `${url} sends more than ${largestBytes} bytes` };
    }
    return check(Buffer.concat(chunks), sha256, url);
  } catch {
    return { reason: `${new URL(url).host} is out of reach` };
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/**
 * @param {Buffer} bytes
 * @param {string | undefined} sha256
 * @param {string} url
 */
function check(bytes, sha256, url) {
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === undefined || actual === sha256) return { bytes };
  return { reason: `wrong checksum, file refused: ${url} has sha256 ${actual}, pinned is ${sha256}` };
}

/** @param {AbortSignal} signal @returns {Promise<never>} */
function rejectOn(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no reply in time')), { once: true });
  });
}
