/**
 * S3 credentials from a file (a mounted Secret), in the form of AWS's shared credentials file: lines
 * `aws_access_key_id = ...`, `aws_secret_access_key = ...`, optionally `aws_session_token = ...`.
 * The file is read again every five minutes, so that a rotated Secret needs no restart.
 */
import { readFile } from 'node:fs/promises';
import { SpoolLocationError } from './errors.ts';

/** What the SDK asks for. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

const rereadMs = 5 * 60 * 1000;

/** Checks the file once and returns a provider that reads it anew. @throws SpoolLocationError */
export async function readCredentialsFile(path: string): Promise<() => Promise<S3Credentials>> {
  async function provide(): Promise<S3Credentials> {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new SpoolLocationError(`cannot read the credentials file ${path}`, error);
    });
    return { ...parseCredentials(text, path), expiration: new Date(Date.now() + rereadMs) };
  }
  await provide();
  return provide;
}

function parseCredentials(text: string, path: string): S3Credentials {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*(aws_[a-z_]+)\s*=\s*(\S+)\s*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) values.set(match[1], match[2]);
  }
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  const sessionToken = values.get('aws_session_token');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new SpoolLocationError(`${path} names no aws_access_key_id and aws_secret_access_key`);
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
