/**
 * What the environment may change about setting up: where the official nats-server releases are fetched from, and which
 * checksums they are held to. Meant for mirrors and for tests, which bring a server and pins of their own.
 */
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Settings
 * @property {string} natsReleasesUrl base URL; below it `v<version>/nats-server-v<version>-<os>-<architecture>.tar.gz`
 * @property {string} natsPinsFile file with version and checksums
 */

/**
 * Reads RAILPOST_NATS_RELEASES_URL and RAILPOST_NATS_PINS.
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Settings}
 */
export function readSettings(environment = process.env) {
  return {
    natsReleasesUrl:
      environment['RAILPOST_NATS_RELEASES_URL'] ?? 'https://github.com/nats-io/nats-server/releases/download',
    natsPinsFile:
      environment['RAILPOST_NATS_PINS'] ??
      fileURLToPath(new URL('../nats-server/pins.json', import.meta.url)),
  };
}
