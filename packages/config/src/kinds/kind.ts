/**
 * The form that every kind has: names, spec schema, rules that reach outside the spec, extra status fields, columns.
 * The manifest reader, the CRD generator and the reference pages all work from this.
 */
import { z } from 'zod';
import { objectName } from './fields.ts';

/** Group and version of all kinds. */
export const apiGroup = 'railpost.io';
export const apiVersionName = 'v1alpha1';
export const apiVersion = `${apiGroup}/${apiVersionName}`;

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'boolean';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: number;
}

/** One kind. */
export interface KindDefinition<S extends z.ZodType = z.ZodType> {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  /** First paragraph of the reference page and of `kubectl explain`. */
  readonly description: string;
  readonly spec: S;
  /** Status fields besides observedGeneration and conditions. */
  readonly status: Readonly<Record<string, z.ZodType>>;
  readonly columns: readonly PrinterColumn[];
  /** Fields of the spec that `kubectl get --field-selector` may use. */
  readonly selectableFields: readonly string[];
  /** A rule on the whole object, for instance the name. */
  readonly objectRule?: {
    readonly cel: string;
    readonly message: string;
    readonly field: string;
    readonly holds: (name: string, spec: z.output<S>) => boolean;
  };
  /** A manifest for the reference page. */
  readonly example: string;
}

/** Keeps the type of the spec while fixing the form. */
export function defineKind<S extends z.ZodType>(definition: KindDefinition<S>): KindDefinition<S> {
  return definition;
}

/** ObjectMeta, as far as a manifest in a folder may carry it; what the API server adds is let through. */
export const ObjectMeta = z.strictObject({
  name: objectName(),
  namespace: objectName().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  creationTimestamp: z.string().nullish(),
  generation: z.number().optional(),
  resourceVersion: z.string().optional(),
  uid: z.string().optional(),
  selfLink: z.string().optional(),
  generateName: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(z.unknown()).optional(),
  managedFields: z.array(z.unknown()).optional(),
});
export type ObjectMeta = z.infer<typeof ObjectMeta>;
