import type { ModulePeftFormat } from './moduleVariant.ts';

/**
 * The format of a method that PEFT does not have: the same two files, with a `peft_type` that PEFT refuses, and full paths as
 * targets.
 */
export function ownFormat<Config, Parameters>(
  type: string,
  format: Pick<ModulePeftFormat<Config, Parameters>, 'stored' | 'encode' | 'paths'>,
): ModulePeftFormat<Config, Parameters> {
  return {
    ...format,
    type,
    prefix: 'base_model.model.',
    isInModule: true,
    derivedKeys: [],
    targets: (_, { target_modules }) =>
      Array.isArray(target_modules) ? target_modules.map(String) : [],
    derived: (_, places) => ({ target_modules: places.map(({ path }) => path) }),
  };
}
