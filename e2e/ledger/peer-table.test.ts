/** Finds this very process at the other end of its own connections. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PeerTable } from './peer-table.ts';

const server = createServer();
const sockets: { destroy(): void }[] = [];

beforeEach(async () => {
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('tells each of several connections, and nothing of one that there is not or of another service', async () => {
  // A server on a port has an address.
  const { port } = server.address() as AddressInfo;
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  sockets.push(...clients);
  await Promise.all(clients.map((client) => once(client, 'connect')));
  const table = new PeerTable();
  table.living = new Map([[process.pid, 'delivery-smtp-0']]);
  const questions = clients.map(({ localPort = 0 }) => ({ peerPort: localPort, ownPort: port }));

  expect(table.processesAt([...questions, { peerPort: 1, ownPort: port }], 'delivery-smtp')).toEqual([
    process.pid,
    process.pid,
    undefined,
  ]);
  expect(table.processesAt(questions, 'cleanup')).toEqual([undefined, undefined]);
});
