import { gelu, LorikeetError, relu, silu, type Tensor, tanh } from '@lorikeet/tensor-core';

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  gelu: (x) => gelu(x),
  gelu_new: (x) => gelu(x, 'tanh'),
  gelu_pytorch_tanh: (x) => gelu(x, 'tanh'),
  relu,
  silu,
  swish: silu,
  tanh,
};

/** The activation function of a Hugging Face name such as `gelu_new`. Throws `unsupported`. */
export function activation(name: string): (x: Tensor) => Tensor {
  const found = Object.hasOwn(activations, name) ? activations[name] : undefined;
  if (found !== undefined) return found;
  throw new LorikeetError('unsupported', `the activation '${name}' is not known`, {
    expected: Object.keys(activations).join(', '),
    received: name,
  });
}
