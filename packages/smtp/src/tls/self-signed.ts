/**
 * A self-signed certificate (RFC 5280) for a process that was given none: opportunistic TLS needs no trusted one. ECDSA P-256,
 * one name, made with node:crypto and a DER writer of forty lines: the packages that do this bring a whole PKI library each.
 * Pure but for the key pair and the serial number; fails never.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { CertificatePair } from './certificate-pair.ts';

const oid = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  subjectAlternativeName: '551d11',
  basicConstraints: '551d13',
} as const;

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Makes a key and a certificate for one host name.
 * @param nowMs milliseconds since the epoch; the certificate is valid from a day before to ten years after
 */
export function createSelfSigned(hostname: string, nowMs: number): CertificatePair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectId(oid.ecdsaWithSha256));
  const name = sequence(set(sequence(objectId(oid.commonName), text(0x0c, hostname.slice(0, 64)))));
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    name,
    sequence(time(nowMs - dayMs), time(nowMs + 3650 * dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions(hostname))),
  );
  const certificate = sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, privateKey)));
  return {
    name: 'self-signed',
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extensions(hostname: string): Buffer[] {
  const alternativeName = sequence(text(0x82, hostname));
  return [
    sequence(objectId(oid.basicConstraints), element(0x01, Buffer.of(0xff)), octetString(sequence())),
    sequence(objectId(oid.subjectAlternativeName), octetString(alternativeName)),
  ];
}

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  return length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Uint8Array[]): Buffer {
  return element(0x31, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  return element(tag, content);
}

function integer(content: Buffer): Buffer {
  return element(0x02, content);
}

function objectId(hex: string): Buffer {
  return element(0x06, Buffer.from(hex, 'hex'));
}

function octetString(content: Buffer): Buffer {
  return element(0x04, content);
}

function bitString(content: Buffer): Buffer {
  return element(0x03, Buffer.concat([Buffer.of(0), content]));
}

function text(tag: number, value: string): Buffer {
  return element(tag, Buffer.from(value, 'utf8'));
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? text(0x17, digits.slice(2)) : text(0x18, digits);
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
