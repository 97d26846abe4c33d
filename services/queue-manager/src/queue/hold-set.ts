/** Holds of one shard: the journal's word on them means the same to owners and to recovery, so the set stands in contracts. */
export { HoldSet, allOriginals } from '@railpost/contracts';
