import type { Buffer } from '../../../backend.ts';
import { byteLengthOf, type TypedArray } from '../../../dtype.ts';
import type { LorikeetError } from '../../../errors.ts';
import { sizeOf } from '../../../shape.ts';
import type { TensorType } from '../../../type.ts';
import type { RunRecord } from './runRecord.ts';

/** Memory of a tensor: on the device, or on the host as long as nothing there has needed it. */
export class DeviceBuffer implements Buffer {
  readonly type: TensorType;
  readonly byteLength: number;
  memory: GPUBuffer | undefined;
  /** Bytes of the device that are its own once all that was asked for has run. */
  plannedBytes = 0;
  host: TypedArray | undefined;
  failure: LorikeetError | undefined;
  /** The run that computes it, as long as that may turn out to have failed. */
  run: RunRecord | undefined;

  constructor(type: TensorType, host?: TypedArray) {
    this.type = type;
    this.byteLength = byteLengthOf(type.dtype, sizeOf(type.shape));
    this.host = host;
  }
}
