import { join } from 'node:path';
import { readJson } from '../readJson.ts';
import type { CaseKind } from './row.ts';

/** Which case it is. */
export interface CaseName {
  readonly kind: CaseKind;
  /** Path of the case in its folder. */
  readonly name: string;
}

/** Path of the base model of a case, by its folder or by its `meta.json`. */
export async function basePathOf(root: string, { kind, name: path }: CaseName): Promise<string> {
  const meta: unknown = await readJson(join(root, path, 'meta.json'));
  if (typeof meta === 'object' && meta !== null && 'base' in meta) return String(meta.base);
  const [, name = ''] = path.split('/');
  return kind === 'conversion' ? `models/${name.replace(/-[^-]*$/, '')}` : `models/${name}`;
}
