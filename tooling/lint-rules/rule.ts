/**
 * The part of oxlint's plugin interface that our rules use, as types of our own: oxlint ships none for plugins.
 * A node carries the fields of all node types that the rules look at, each optional, so that a rule asks instead of casts.
 */

/** A node of the syntax tree (ESTree), seen loosely. */
export interface SyntaxNode {
  readonly type: string;
  readonly parent?: SyntaxNode;
  readonly name?: string;
  readonly value?: unknown;
  readonly computed?: boolean;
  readonly importKind?: string;
  readonly source?: SyntaxNode | null;
  readonly callee?: SyntaxNode;
  readonly object?: SyntaxNode;
  readonly property?: SyntaxNode;
  readonly key?: SyntaxNode;
  readonly arguments?: readonly SyntaxNode[];
  readonly expressions?: readonly SyntaxNode[];
  readonly specifiers?: readonly SyntaxNode[];
  readonly properties?: readonly SyntaxNode[];
  readonly loc?: { readonly start: { readonly line: number; readonly column: number } };
}

/** One comment of a file. */
export interface Comment {
  readonly type: 'Line' | 'Block' | 'Shebang';
  readonly value: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
}

/** What oxlint hands to a rule for one file. */
export interface RuleContext {
  /** Absolute path. */
  readonly filename: string;
  readonly sourceCode: { readonly text: string; getAllComments(): readonly Comment[] };
  report(problem: { readonly message: string; readonly node: SyntaxNode }): void;
}

/** Called for each node of the type that the key names. */
export type Visitor = Readonly<Record<string, (node: SyntaxNode) => void>>;

/** A rule: what it says about a file, as visitors of its syntax tree. */
export interface Rule {
  readonly meta: { readonly type: 'problem'; readonly docs: { readonly description: string } };
  create(context: RuleContext): Visitor;
}

/** Builds a rule. `description` says what must hold, in one sentence. */
export function rule(description: string, create: (context: RuleContext) => Visitor): Rule {
  return { meta: { type: 'problem', docs: { description } }, create };
}

/** The value of a plain string literal; undefined for anything else. */
export function stringValue(node: SyntaxNode | null | undefined): string | undefined {
  return node?.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined;
}

/** Whether this is `object.property`, with or without `?.`, also written `object['property']`. */
export function isMember(node: SyntaxNode | undefined, object: string, property: string): boolean {
  if (node?.type !== 'MemberExpression' || node.object?.name !== object) return false;
  return propertyName(node) === property;
}

/** The name of a member expression's or object entry's property, if it is written out. */
export function propertyName(node: SyntaxNode): string | undefined {
  const key = node.type === 'MemberExpression' ? node.property : node.key;
  return node.computed === true ? stringValue(key) : (key?.name ?? stringValue(key));
}
