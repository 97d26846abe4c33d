/** The house rules as an oxlint plugin; .oxlintrc.json turns them on under the prefix `railpost/`. */
import { environmentInSettings } from './environment-in-settings.ts';
import { explicitExports } from './explicit-exports.ts';
import { fileComment } from './file-comment.ts';
import { fileNames } from './file-names.ts';
import { noIdleTests } from './no-idle-tests.ts';
import { pureClock } from './pure-clock.ts';
import { pureImports } from './pure-imports.ts';
import { staticLogText } from './static-log-text.ts';
import { statusesInTable } from './statuses-in-table.ts';
import { testkitInTests } from './testkit-in-tests.ts';

const plugin = {
  meta: { name: 'railpost' },
  rules: {
    'environment-in-settings': environmentInSettings,
    'explicit-exports': explicitExports,
    'file-comment': fileComment,
    'file-names': fileNames,
    'no-idle-tests': noIdleTests,
    'pure-clock': pureClock,
    'pure-imports': pureImports,
    'static-log-text': staticLogText,
    'statuses-in-table': statusesInTable,
    'testkit-in-tests': testkitInTests,
  },
};

// The one default export of the repository: oxlint loads plugins by it.
export default plugin;
