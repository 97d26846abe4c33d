#!/usr/bin/env node
/**
 * The way into the repository: `node tooling/bootstrap.mjs <task> [arguments]`.
 * Every script of the root package.json comes through here, so each works on a fresh clone: it brings the dependencies,
 * Node 24 and nats-server, then runs the task with them. Plain JavaScript, because it runs on whatever Node the machine
 * has (20 or newer); everything behind it is loaded only after that has been checked.
 */
const oldestNode = 20;

if (Number(process.versions.node.split('.')[0]) < oldestNode) {
  console.error(
    `railpost: Node ${oldestNode} or newer is needed to start (this is ${process.version}): install it from https://nodejs.org`,
  );
  process.exitCode = 69;
} else {
  import('./bootstrap/main.mjs')
    .then(({ main }) => main(process.argv.slice(2)))
    // exit(), not exitCode: an abandoned name lookup of an unreachable download would keep the process for seconds.
    .then((code) => process.exit(code))
    .catch((error) => {
      console.error('railpost: setting up failed by a fault of its own:', error);
      process.exit(70);
    });
}
