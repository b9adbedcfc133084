import { dotKernel } from './dotKernel.ts';
import { emitDeepDot } from './emitDeepDot.ts';
import { emitRegisterDot } from './emitRegisterDot.ts';
import { emitSharedDot } from './emitSharedDot.ts';
import type { EmitArguments, KernelForm } from './kernelText.ts';
import { dotTile } from './tiles.ts';

/** A contraction, by the family of kernels and the tile that suit its sides and the adapter. */
export function emitDot(args: EmitArguments): KernelForm {
  const kernel = dotKernel(args);
  const tile = dotTile(kernel.sides, args.tiling, kernel.isDeepB, args.subgroups);
  switch (tile.family) {
    case 'register':
      return emitRegisterDot(args, kernel, tile);
    case 'workgroup':
      return emitSharedDot(args, kernel, tile);
    case 'depth':
      return emitDeepDot(args, kernel, tile);
  }
}
