/**
 * A certificate and key in files that may change at any time (cert-manager, certbot, a mounted Secret). Polled, because
 * file notifications do not follow the symbolic links of mounted Secrets. A moment in which both files do not fit
 * together (half replaced) is passed over: the next look finds them whole.
 */
import { readFile } from 'node:fs/promises';
import { type CheckedPair, CertificateError, checkPair } from './certificate-pair.ts';

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Reads and checks the pair. @throws CertificateError */
export async function readCertificateFiles(files: CertificateFiles): Promise<CheckedPair> {
  try {
    const [certificate, key] = await Promise.all([
      readFile(files.certificateFile, 'utf8'),
      readFile(files.keyFile, 'utf8'),
    ]);
    return checkPair({ name: files.certificateFile, certificate, key });
  } catch (error) {
    if (error instanceof CertificateError) throw error;
    throw new CertificateError(files.certificateFile, 'the files cannot be read', error);
  }
}

/** Calls back when the files hold another usable pair (or can no longer be used). Returns the function that ends it. */
export function watchCertificateFiles(
  files: CertificateFiles,
  present: CheckedPair | undefined,
  everyMs: number,
  onChange: (result: CheckedPair | CertificateError) => void,
): () => void {
  let known = present === undefined ? undefined : present.certificate + present.key;
  let lastProblem: string | undefined;
  const look = async (): Promise<void> => {
    try {
      const pair = await readCertificateFiles(files);
      lastProblem = undefined;
      if (pair.certificate + pair.key === known) return;
      known = pair.certificate + pair.key;
      onChange(pair);
    } catch (error) {
      if (!(error instanceof CertificateError) || error.message === lastProblem) return;
      lastProblem = error.message;
      onChange(error);
    }
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
