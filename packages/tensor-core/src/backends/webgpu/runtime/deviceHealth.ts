import { LorikeetError } from '../../../errors.ts';

/** What a device has reported to have gone wrong, and whether it is still there. */
export class DeviceHealth {
  #failure: LorikeetError | undefined;
  #loss: LorikeetError | undefined;
  readonly #waiting = new Set<(loss: LorikeetError) => void>();

  constructor(device: GPUDevice) {
    device.onuncapturederror = ({ error }) => {
      this.#failure ??= failureOf(error);
    };
    device.lost.then(({ reason, message }) => this.#lose(lossError(message, reason)));
  }

  /** Throws if the device is lost, which it stays. */
  checkLoss(): void {
    if (this.#loss !== undefined) throw this.#loss;
  }

  /** Throws what was reported since it was last asked. */
  check(): void {
    this.checkLoss();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** Forgets what was reported: it follows from what is known already. */
  forgive(): void {
    this.#failure = undefined;
  }

  /** What `promise` gives; fails as soon as the device is lost, which may leave the promise open for ever. */
  async whileAlive<T>(promise: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      if (this.#loss !== undefined) reject(this.#loss);
      this.#waiting.add(reject);
      promise
        .then(resolve, (error: unknown) => reject(this.#loss ?? error))
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** The device is given back on purpose: whoever still waits for it is told so. */
  destroyed(): void {
    this.#lose(lossError('the backend was destroyed', 'destroyed'));
  }

  #lose(loss: LorikeetError): void {
    this.#loss ??= loss;
    for (const reject of this.#waiting) reject(this.#loss);
    this.#waiting.clear();
  }
}

function lossError(message: string, reason: string): LorikeetError {
  return new LorikeetError('device-lost', `webgpu: the device is lost: ${message}`, {
    received: reason,
    hint: 'make a new backend and go on from the last state that was kept, as `fit` does with `recover`',
  });
}

function failureOf(error: GPUError): LorikeetError {
  const isMemory = /memory/i.test(error.constructor.name) || /out of memory/i.test(error.message);
  return new LorikeetError(
    isMemory ? 'out-of-memory' : 'backend-failed',
    `webgpu: ${error.message}`,
  );
}
