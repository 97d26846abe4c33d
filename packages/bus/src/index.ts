/** NATS JetStream as Railpost uses it: connection and health, streams, group commit, consuming, leases, the fence. */
export { connectBus } from './bus.ts';
export type { Bus, BusHealth, BusOptions } from './bus.ts';
export { ensureStreams, generationOf, listShards } from './ensure-streams.ts';
export type { StreamSettings } from './ensure-streams.ts';
export { readStreamStates, removeEarlierStreams } from './stream-states.ts';
export type { StreamState } from './stream-states.ts';
export { openGroupPublisher } from './group-publisher.ts';
export type { GroupPublisher, PublishOptions, Published } from './group-publisher.ts';
export type { BusHeaders } from './publish-answer.ts';
export { consume } from './consume.ts';
export type { BusMessage, ConsumeOptions, Consumption } from './consume.ts';
export { startAckFloorPurge } from './ack-floor.ts';
export type { AckFloorOptions, AckFloorPurge } from './ack-floor.ts';
export { startFullnessWatch } from './fullness.ts';
export type { FullnessWatch } from './fullness.ts';
export { openLease } from './lease.ts';
export type { Freedom, Lease, LeaseOptions, LeaseTerm } from './lease.ts';
export { openFence } from './fence.ts';
export type { Fence, FencedWriter } from './fence.ts';
export { scanDefer } from './scan-defer.ts';
export type { DeferEntry, ScanOptions } from './scan-defer.ts';
export { readStream } from './read-stream.ts';
export { deleteStored, readPosition, readStored } from './stored-messages.ts';
export type { StreamPosition } from './stored-messages.ts';
export { announce, ask, listen } from './request.ts';
export type { Answer, ListenOptions, Listener } from './request.ts';
export { askHttp } from './http-answer.ts';
export type { HttpAnswer } from './http-answer.ts';
export { publishCorrupt } from './corrupt.ts';
export {
  BusClosedError,
  BusError,
  BusRefusedError,
  BusUnavailableError,
  DeposedError,
  IncompatibleStreamError,
  StreamFullError,
} from './errors.ts';
