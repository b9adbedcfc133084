import {
  elu,
  gelu,
  hardSwish,
  LorikeetError,
  leakyRelu,
  mish,
  quickGelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  square,
  type Tensor,
  tanh,
} from '@lorikeet/tensor-core';

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  elu: (x) => elu(x),
  gelu: (x) => gelu(x),
  gelu_new: (x) => gelu(x, 'tanh'),
  gelu_pytorch_tanh: (x) => gelu(x, 'tanh'),
  hardswish: hardSwish,
  leaky_relu: (x) => leakyRelu(x),
  linear: (x) => x,
  mish,
  quick_gelu: quickGelu,
  relu,
  relu2: (x) => square(relu(x)),
  relu6,
  selu,
  sigmoid,
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
