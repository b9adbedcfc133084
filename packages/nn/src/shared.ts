/** Which places of a tree share: one object for all of them. A class without `call`, so that tree walks leave it alone. */
export class SharedGroup {
  /** For people. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Part of a tree that several places have in common. A tree holds it at each of them; `partition` takes it apart
 * once and `combine` puts it back everywhere, so that it counts once, gets one gradient and is optimised once.
 */
export class Shared<T = unknown> {
  readonly value: T;
  /** Static. */
  readonly group: SharedGroup;

  constructor(value: T, group: SharedGroup) {
    this.value = value;
    this.group = group;
  }

  call(): T {
    return this.value;
  }
}
