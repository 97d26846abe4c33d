/**
 * The one error of bootstrap that a person should read: its message is a single line that says what is wrong and what to
 * do. Anything else that is thrown here is our own bug and is shown with its stack.
 */
export class SetupError extends Error {
  /**
   * @param {string} message one line, without a final full stop
   * @param {{ cause?: unknown }} [options]
   */
  constructor(message, options) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options);
    this.name = 'SetupError';
  }
}
