/** The table against the maps that it stands for, whatever is done with it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobTable } from './job-table.ts';

interface Job {
  readonly jobId: string;
  readonly queueId: string;
}

/** So few that they come again, beside so many that the table grows. */
const ids = fc.oneof(fc.nat(20), fc.nat(2000));
const step = fc.record({ kind: fc.constantFrom('add', 'add', 'remove'), id: ids, message: fc.nat(10) });

describe('the table of jobs', () => {
  it('knows what maps would know, in the same order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1500 }), (steps) => {
        const table = new JobTable<Job>();
        const model = new Map<string, Job>();
        for (const { kind, id, message } of steps) {
          const job = { jobId: `j${id}`, queueId: `q${message}` };
          const known = model.get(job.jobId);
          if (kind === 'remove') {
            if (known !== undefined) table.remove(known);
            model.delete(job.jobId);
          } else if (known === undefined) {
            table.add(job);
            model.set(job.jobId, job);
          }
        }

        const jobs = [...model.values()];
        expect([...table.values()]).toEqual(jobs);
        expect(table.size).toBe(jobs.length);
        for (let id = 0; id <= 20; id += 1) expect(table.get(`j${id}`)).toBe(model.get(`j${id}`));
        for (let message = 0; message <= 10; message += 1)
          expect(table.ofMessage(`q${message}`)).toEqual(
            jobs.filter(({ queueId }) => queueId === `q${message}`),
          );
      }),
      { numRuns: 60 },
    );
  });

  it('finds each of many, and none that left', () => {
    const table = new JobTable<Job>();
    const jobs = Array.from({ length: 10_000 }, (_, index) => ({ jobId: `j${index}`, queueId: `q${index}` }));
    for (const job of jobs) table.add(job);
    for (const job of jobs.slice(0, 9000)) table.remove(job);
    const young = Array.from({ length: 9000 }, (_, index) => ({ jobId: `k${index}`, queueId: `q${index}` }));
    for (const job of young) table.add(job);

    expect(jobs.every((job, index) => table.get(job.jobId) === (index < 9000 ? undefined : job))).toBe(true);
    expect(young.every((job) => table.ofMessage(job.queueId)[0] === job)).toBe(true);
    expect(table.size).toBe(10_000);
  });

  it('keeps a job when another of the same name is to leave', () => {
    const table = new JobTable<Job>();
    const job = { jobId: 'j', queueId: 'q' };
    table.add(job);

    expect(table.remove({ ...job })).toBe(false);
    expect(table.get('j')).toBe(job);
  });

  it('can be gone through while jobs leave', () => {
    const table = new JobTable<Job>();
    for (const jobId of ['a', 'b', 'c']) table.add({ jobId, queueId: 'q' });
    const seen: string[] = [];

    for (const job of table.values()) {
      seen.push(job.jobId);
      table.remove(job);
    }

    expect(seen).toEqual(['a', 'b', 'c']);
    expect(table.size).toBe(0);
  });
});
