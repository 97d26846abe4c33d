/** Faults of the spool: object storage that misbehaves, a disk that is full, a disk whose flushes fail. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Arena, pickProcess } from '../arena.ts';
import type { S3Mode } from '../s3-proxy.ts';

const fullMs = 6000;
const failingMs = 4000;

/** Makes the fault in which object storage misbehaves for some seconds. */
export function misbehavingStore(mode: S3Mode): (arena: Arena) => Promise<void> {
  return async (arena) => {
    const share = arena.random.pick([0.2, 0.5, 1]);
    const ms = arena.random.between(2000, 8000);
    arena.note(`object storage: ${mode} for ${share * 100} % of the requests, ${ms} ms`);
    arena.surroundings.s3?.misbehave(mode, share);
    await sleep(ms);
    arena.surroundings.s3?.misbehave('none', 0);
  };
}

/** ENOSPC: the disk of the spool is full for a while. */
export async function fillSpoolDisk(arena: Arena): Promise<void> {
  const disk = arena.surroundings.disks?.spool;
  arena.note(`the disk of the spool is full for ${fullMs / 1000} s`);
  await disk?.fill();
  await sleep(fullMs);
  await disk?.empty();
}

/**
 * EIO: fsync, fdatasync and link of a process that writes to the spool fail for a while, injected by strace at the boundary of the
 * kernel (a disk that fails cannot be had without device-mapper).
 */
export async function failSpoolSyncs(arena: Arena): Promise<void> {
  const { pid, name } = await pickProcess(arena, arena.random.pick(['smtp-ingress', 'queue-manager']));
  const calls = arena.random.pick(['fdatasync', 'fsync', 'fsync,fdatasync', 'link,linkat', 'pwritev,writev']);
  arena.note(`${calls} of ${name} (process ${pid}) fail with EIO for ${failingMs / 1000} s`);
  const inject = `inject=${calls}:error=EIO`;
  const tracer = spawn('strace', ['-qq', '-f', '-p', String(pid), '-e', `trace=${calls}`, '-e', inject], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => tracer.once('close', resolve));
  await Promise.race([sleep(failingMs), ended]);
  tracer.kill('SIGTERM');
  await ended;
}
