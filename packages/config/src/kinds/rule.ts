/**
 * One rule, two readers: the check that `check` and `up` make, and the CEL expression that the API server evaluates. They
 * stand side by side so that neither changes alone; the CRD generator takes the CEL from the schema's metadata.
 */
import type { z } from 'zod';

/** A condition on a value that types cannot say. */
export interface Rule<T> {
  /** CEL, for the API server; costs are bounded there by `maxItems` and `maxLength` of the fields it reads. */
  readonly cel: string;
  /** What to do about it, for humans. */
  readonly message: string;
  /** Field that the message is about, below the value. */
  readonly path?: readonly (string | number)[];
  /** The same condition here; absent for transition rules, which compare with the previous object. */
  readonly holds?: (value: T) => boolean;
}

/** Key of the metadata that carries CEL rules into the CRD. */
const validationsKey = 'x-kubernetes-validations';

/** Adds rules to a schema: checked when parsing, published in the CRD. */
export function ruled<S extends z.ZodType>(schema: S, ...rules: readonly Rule<z.output<S>>[]): S {
  const checked = schema.superRefine((value, context) => {
    for (const rule of rules) {
      if (rule.holds === undefined || rule.holds(value)) continue;
      context.addIssue({ code: 'custom', message: rule.message, path: [...(rule.path ?? [])] });
    }
  });
  const validations = rules.map((rule) => ({ rule: rule.cel, message: rule.message }));
  return checked.meta({ [validationsKey]: validations });
}

/** The field may be set once and never changed. */
export const immutable: { readonly cel: string; readonly message: string } = {
  cel: 'self == oldSelf',
  message: 'is immutable: delete the object and create another',
};

/** Exactly one of the optional members is set (a union, in the only form that structural schemas allow). */
export function exactlyOneOf(members: readonly string[]): Rule<Readonly<Record<string, unknown>>> {
  const terms = members.map((member) => `(has(self.${member}) ? 1 : 0)`);
  return {
    cel: `${terms.join(' + ')} == 1`,
    message: `exactly one of ${members.join(', ')} must be set`,
    holds: (value) => members.filter((member) => value[member] !== undefined).length === 1,
  };
}
