/** Each house rule on code that it must accept and code that it must refuse. */
import { RuleTester } from 'oxlint/plugins-dev';
import { describe, it } from 'vitest';
import { environmentInSettings } from './environment-in-settings.ts';
import { explicitExports } from './explicit-exports.ts';
import { fileComment } from './file-comment.ts';
import { fileNames } from './file-names.ts';
import { noIdleTests } from './no-idle-tests.ts';
import { pureClock } from './pure-clock.ts';
import { pureImports } from './pure-imports.ts';
import { type Rule } from './rule.ts';
import { staticLogText } from './static-log-text.ts';
import { statusesInTable } from './statuses-in-table.ts';
import { testkitInTests } from './testkit-in-tests.ts';

RuleTester.describe = describe;
RuleTester.it = it;

/** A file and its code; the name of the test is both together. */
type Example = readonly [filename: string, code: string];

const policy = '/r/services/smtp-ingress/src/policy/relay.ts';
const ingress = '/r/services/smtp-ingress/src/accept.ts';
const mail = '/r/packages/mail/src/queue-id.ts';

check('environment-in-settings', environmentInSettings, {
  accepted: [
    ['/r/services/cleanup/src/config.ts', 'const a = process.env["PORT"]'],
    ['/r/packages/runtime/src/settings/load-config.ts', 'const a = process.env'],
    ['/r/packages/spool/src/s3-settings.ts', 'const a = process.env'],
    ['/r/services/cleanup/test/crash.itest.ts', 'const a = process.env'],
    ['/r/tooling/test/command.ts', 'const a = process.env'],
    [ingress, 'const a = context.env'],
  ],
  refused: [
    [ingress, 'const a = process.env["PORT"]'],
    [ingress, 'const a = process["env"]'],
    [ingress, 'const a = process?.env'],
    [ingress, 'import { env } from "node:process"'],
  ],
});

check('statuses-in-table', statusesInTable, {
  accepted: [
    ['/r/services/cleanup/src/statuses.ts', 'const a = { code: 550, text: "5.1.1 no such user" }'],
    ['/r/services/cleanup/src/decide.test.ts', 'const a = "5.1.1"'],
    ['/r/packages/mail/src/rfc5321/reply.ts', 'const a = "250 Ok"'],
    [ingress, 'if (reply.code === 250) go()'],
    [ingress, 'const a = { idleMs: 500 }'],
    [ingress, 'const a = "127.0.0.1 10.2.5.1 v2.15.1 2.5.4.3"'],
  ],
  refused: [
    [ingress, 'const a = "5.1.1"'],
    [ingress, 'const a = "no such user (5.1.1)"'],
    [ingress, 'const a = `4.3.0 ${text}`'],
    [ingress, 'const a = "250 Ok"'],
    [ingress, 'const a = "250-SIZE"'],
    [ingress, 'send({ code: 421 })'],
    ['/r/packages/smtp/src/server/session.ts', 'const a = "554 5.5.1 no"'],
  ],
});

check('static-log-text', staticLogText, {
  accepted: [
    [ingress, 'defineEvent({ name: "accepted", text: "message accepted", level: "info" })'],
    [ingress, 'defineEvent({ name: "accepted", text: `message accepted` })'],
    [ingress, 'log.info("message accepted", { queueId })'],
    [ingress, 'console.info(`took ${ms}`)'],
    [ingress, 'this.writer.error(`x ${y}`)'],
  ],
  refused: [
    [ingress, 'defineEvent({ name: "accepted", text: `took ${ms}` })'],
    [ingress, 'defineEvent({ name: nameOf(kind), text: "accepted" })'],
    [ingress, 'log.info(`took ${ms}`)'],
    [ingress, 'context.log.warn("took " + ms)'],
    [ingress, 'logger.error({ queueId }, `took ${ms}`)'],
  ],
});

check('testkit-in-tests', testkitInTests, {
  accepted: [
    ['/r/services/cleanup/test/cleanup.itest.ts', 'import { startNats } from "@railpost/testkit"'],
    ['/r/services/cleanup/test/rig.ts', 'import { startNats } from "@railpost/testkit"'],
    ['/r/packages/spool/src/segment.test.ts', 'import { startS3 } from "@railpost/testkit"'],
    ['/r/e2e/support/cluster.ts', 'import { startS3 } from "@railpost/testkit"'],
  ],
  refused: [
    [ingress, 'import { startNats } from "@railpost/testkit"'],
    [ingress, 'export { startNats } from "@railpost/testkit"'],
    [ingress, 'const kit = await import("@railpost/testkit")'],
  ],
});

check('pure-imports', pureImports, {
  accepted: [
    [policy, 'import { decide } from "@railpost/mail"'],
    [policy, 'import type { Bus } from "@railpost/bus"'],
    [policy, 'import { type Bus } from "@railpost/bus"'],
    ['/r/services/smtp-ingress/src/policy/relay.test.ts', 'import { readFileSync } from "node:fs"'],
    [ingress, 'import { connectBus } from "@railpost/bus"'],
  ],
  refused: [
    [policy, 'import { connectBus } from "@railpost/bus"'],
    [policy, 'import { type Bus, connectBus } from "@railpost/bus"'],
    [policy, 'import "@railpost/runtime"'],
    ['/r/services/cleanup/src/stages/virtual-alias.ts', 'import { resolve4 } from "node:dns"'],
    ['/r/services/queue-manager/src/schedule/pick.ts', 'import { connect } from "@nats-io/transport-node"'],
    ['/r/services/cleanup/src/decide.ts', 'import { openSpool } from "@railpost/spool"'],
  ],
});

check('pure-clock', pureClock, {
  accepted: [
    [mail, 'const a = new Date(nowMs)'],
    ['/r/packages/mail/src/queue-id.test.ts', 'const a = Date.now()'],
    [ingress, 'const a = Date.now()'],
  ],
  refused: [
    [mail, 'const a = Date.now()'],
    [mail, 'const a = new Date()'],
    [mail, 'const a = Date()'],
    [mail, 'const a = Math.random()'],
    [policy, 'const a = performance.now()'],
    [policy, 'const clock = Date.now'],
  ],
});

check('file-names', fileNames, {
  accepted: [
    ['/r/packages/mail/src/rfc5321/dot-stuffing.test.ts', 'go()'],
    ['/r/vitest.config.ts', 'go()'],
    ['/r/tooling/bootstrap/run-task.mjs', 'go()'],
  ],
  refused: [
    ['/r/packages/mail/src/queueId.ts', 'go()'],
    ['/r/packages/mail/src/queue_id.ts', 'go()'],
    ['/r/packages/mail/src/utils.ts', 'go()'],
    ['/r/packages/mail/src/helpers/pad.ts', 'go()'],
    ['/r/packages/mail/src/Rfc5321/pad.ts', 'go()'],
  ],
});

check('file-comment', fileComment, {
  accepted: [
    [mail, '/** Makes queue ids. */\ngo()'],
    [mail, '/**\n * Makes queue ids.\n */\ngo()'],
    [mail, '#!/usr/bin/env node\n/** Makes queue ids. */\ngo()'],
    ['/r/packages/mail/src/queue-id.test.ts', 'go()'],
  ],
  refused: [
    [mail, 'go()'],
    [mail, '/** */\ngo()'],
    [mail, 'go()\n/** Too late. */'],
  ],
});

check('explicit-exports', explicitExports, {
  accepted: [[mail, 'export { queueId } from "./queue-id.ts"']],
  refused: [
    [mail, 'export * from "./queue-id.ts"'],
    [mail, 'export * as ids from "./queue-id.ts"'],
  ],
});

check('no-idle-tests', noIdleTests, {
  accepted: [
    ['/r/packages/mail/src/queue-id.test.ts', 'it("counts", go)'],
    ['/r/packages/mail/src/queue-id.test.ts', 'it.each(rows)("counts", go)'],
    [mail, 'reader.skip(4)'],
  ],
  refused: [
    ['/r/packages/mail/src/queue-id.test.ts', 'it.skip("counts", go)'],
    ['/r/packages/mail/src/queue-id.test.ts', 'it.todo("counts")'],
    ['/r/packages/mail/src/queue-id.test.ts', 'describe.only("ids", go)'],
    ['/r/services/cleanup/test/cleanup.itest.ts', 'it.skipIf(isMissing)("delivers", go)'],
    ['/r/services/cleanup/test/cleanup.itest.ts', 'describe.runIf(isThere)("delivers", go)'],
  ],
});

function check(
  name: string,
  tested: Rule,
  examples: { accepted: readonly Example[]; refused: readonly Example[] },
): void {
  const valid = examples.accepted.map(([filename, code]) => ({
    filename,
    code,
    name: `accepts in ${filename}: ${code}`,
  }));
  const invalid = examples.refused.map(([filename, code]) => ({
    filename,
    code,
    errors: 1,
    name: `refuses in ${filename}: ${code}`,
  }));
  // RuleTester's own type of a rule is oxlint's full syntax tree; ours is the part of it that our rules read.
  const rule = tested as unknown as Parameters<RuleTester['run']>[1];
  new RuleTester({ languageOptions: { sourceType: 'module' } }).run(name, rule, { valid, invalid });
}
