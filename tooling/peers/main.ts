/**
 * `npm run setup:peers`: brings the peers that are missing; silent and instant when none is. Exit code 1 and one line
 * per problem when one could not be brought.
 */
import { installPeers } from './install.ts';
import { missingPeers } from './peers.ts';

const path = process.env['PATH'] ?? '';
const missing = missingPeers(path);
if (missing.length > 0) {
  console.error(`railpost: bringing ${missing.map((peer) => peer.name).join(', ')}`);
  const problems = installPeers(missing);
  const still = missingPeers(path).map((peer) => `${peer.name} is missing after the installation`);
  for (const line of problems.length > 0 ? problems : still) console.error(`railpost: ${line}`);
  process.exitCode = problems.length + still.length > 0 ? 1 : 0;
}
