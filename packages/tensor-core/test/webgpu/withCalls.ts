/** An object of a native library that passes on all calls but those that `instead` has. */
export function withCalls<T extends object>(target: T, instead: Partial<T>): T {
  return new Proxy(target, {
    get(own, name) {
      if (Object.hasOwn(instead, name)) return Reflect.get(instead, name);
      const found: unknown = Reflect.get(own, name, own);
      return typeof found === 'function' ? found.bind(own) : found;
    },
    set: (own, name, value) => Reflect.set(own, name, value, own),
  });
}
