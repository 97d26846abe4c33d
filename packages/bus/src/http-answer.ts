/**
 * One small GET over node:http. The global `fetch` loads all of undici for it: 0.2 s of start and several megabytes in every process.
 */
import { get } from 'node:http';

/** Status and body of the answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Asks once. @param url http only @throws Error when there is no complete answer within `timeoutMs` */
export function askHttp(url: string | URL, timeoutMs: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', reject);
    });
    request.once('error', reject);
  });
}
