/**
 * Debian's Postfix for a measurement: its defaults, fsync and process limits included, and routes to the sinks. Its own log goes
 * to a file through postlogd(8), as Railpost's does to files.
 */
import { startPostfix as startPeer } from '@railpost/testkit';
import type { FarEnds, Platform } from './platform.ts';

/** Starts it. @throws Error with its log when it does not answer */
export async function startPostfix(farEnds: FarEnds): Promise<Platform> {
  const routes = [...farEnds].map(([domain, port]) => `{${domain}=smtp:[127.0.0.1]:${port}}`);
  const postfix = await startPeer({
    settings: [
      `relay_domains = ${[...farEnds.keys()].join(', ')}`,
      `transport_maps = inline:{${routes.join(', ')}}`,
    ],
  });
  // Its master is no child of ours: it would stay.
  const onExit = () => process.kill(postfix.pid, 'SIGTERM');
  process.once('exit', onExit);
  return {
    name: 'postfix',
    port: postfix.port,
    rootPid: postfix.pid,
    names: () => Promise.resolve(new Map()),
    async stop() {
      process.removeListener('exit', onExit);
      await postfix.stop();
    },
  };
}
