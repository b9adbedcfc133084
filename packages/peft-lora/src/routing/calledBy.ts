import { childrenOf, isTreeNode, LorikeetError, rebuild } from '@lorikeet/tensor-core';

/**
 * Models that are called in another way: of the same class but for `call`, with the same parts under the same names, and
 * one more beside them.
 *
 * @param field that holds the further part.
 * @param call is given the model without it.
 */
export function calledBy<Part extends object>(
  field: string,
  call: (model: unknown, part: Part, inputs: readonly unknown[]) => unknown,
): <T>(model: T, part: Part) => T {
  // By the prototypes of the classes: one each, since a compiled program knows a class by it.
  const prototypes = new WeakMap<object, object>();
  const prototypeOf = (plain: object): object => {
    const known = prototypes.get(plain);
    if (known !== undefined) return known;
    const made: object = Object.create(plain, {
      call: {
        value(this: object, ...inputs: readonly unknown[]): unknown {
          const children = isTreeNode(this) ? childrenOf(this) : [];
          const parts = children.filter(([name]) => name !== field);
          const model = rebuild(Object.create(plain), parts);
          return call(model, Reflect.get(this, field), inputs);
        },
      },
    });
    prototypes.set(plain, made);
    return made;
  };
  function around<T>(model: T, part: Part): T;
  function around(model: unknown, part: Part): unknown {
    if (!isTreeNode(model) || Array.isArray(model))
      throw new LorikeetError('invalid-argument', 'only a model can be called', {
        expected: 'a module with `call`',
      });
    const prototype = prototypeOf(Object.getPrototypeOf(model));
    return rebuild(Object.create(prototype), [...childrenOf(model), [field, part]]);
  }
  return around;
}
