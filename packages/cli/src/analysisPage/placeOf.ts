/** Where a module is in a stack of layers. */
export interface Place {
  /** What the modules of all layers have in common: what follows the number, or the path of one that is in no layer. */
  readonly kind: string;
  /** The number of the layer, `-` for a module that is in none. */
  readonly layer: string;
}

/** Reads the layer off a path, such as `encoder.layer.3.query`. */
export function placeOf(path: string): Place {
  const [, layer, kind] = /\.(\d+)\.(.+)$/.exec(`.${path}`) ?? [];
  return layer === undefined || kind === undefined ? { kind: path, layer: '-' } : { kind, layer };
}
