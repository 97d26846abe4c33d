/**
 * The core Secret as a folder holds it: `data` in base64, `stringData` as it is (which wins where both have a key).
 * Values are text: passwords, hashes, PEM.
 */
import { decodeUtf8 } from '@railpost/mail';
import { z } from 'zod';

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What of a Secret matters here, besides its metadata. */
export const SecretContent = z.strictObject({
  type: z.string().optional(),
  immutable: z.boolean().optional(),
  data: z
    .record(
      z.string(),
      z
        .string()
        .transform((text) => text.replace(/\s+/g, ''))
        .refine((text) => base64Pattern.test(text), 'must be base64 (or use stringData)'),
    )
    .default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});
export type SecretContent = z.infer<typeof SecretContent>;

/** The values of a Secret as text. */
export function secretValues(content: SecretContent): Readonly<Record<string, string>> {
  const decoded = Object.entries(content.data).map(([key, value]): [string, string] => [
    key,
    decodeUtf8(decodeBase64(value)),
  ]);
  return { ...Object.fromEntries(decoded), ...content.stringData };
}

const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Decodes base64 (RFC 4648 section 4). Characters outside the alphabet are ignored. */
export function decodeBase64(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const character of text) {
    const value = base64Alphabet.indexOf(character);
    if (value === -1) continue;
    held = (held * 64 + value) % 16_384;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(Math.floor(held / 2 ** bits) % 256);
  }
  return Uint8Array.from(bytes);
}

/** Encodes base64 (RFC 4648 section 4), with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const group = (bytes[index] ?? 0) * 65_536 + (bytes[index + 1] ?? 0) * 256 + (bytes[index + 2] ?? 0);
    const characters = [18, 12, 6, 0].map((shift) =>
      base64Alphabet.charAt(Math.floor(group / 2 ** shift) % 64),
    );
    const kept = Math.min(3, bytes.length - index) + 1;
    text += characters.slice(0, kept).join('').padEnd(4, '=');
  }
  return text;
}
