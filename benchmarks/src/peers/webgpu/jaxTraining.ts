import type { numpy } from '@jax-js/jax';
import type { HostIds, HostTensor, PeerWork } from './peer.ts';

export type Jax = typeof import('@jax-js/jax');
export type JaxArray = numpy.Array;
export interface JaxArrays {
  [name: string]: JaxArray;
}

export interface JaxOptimizer {
  init(parameters: JaxArrays): JaxArrays;
  /** Takes all of its arguments over. */
  update(
    parameters: JaxArrays,
    gradients: JaxArrays,
    state: JaxArrays,
  ): { readonly parameters: JaxArrays; readonly state: JaxArrays };
}

export function upload({ numpy }: Jax, { shape, values }: HostTensor): JaxArray {
  return numpy.array(values, { shape: [...shape] });
}

export function uploadIds({ numpy }: Jax, { shape, values }: HostIds): JaxArray {
  return numpy.array(values, { shape: [...shape] });
}

/** Steps of `jit(valueAndGrad(loss))` and an optimiser in one program. `loss` takes its arguments over. */
export function trainingWork(
  jax: Jax,
  loss: (parameters: JaxArrays, input: JaxArray, targets: JaxArray) => JaxArray,
  initial: JaxArrays,
  [input, targets]: readonly [JaxArray, JaxArray],
  optimizer: JaxOptimizer,
): PeerWork {
  const { jit, tree, valueAndGrad, blockUntilReady, getWebGPUDevice } = jax;
  const step = jit((parameters: JaxArrays, state: JaxArrays, x: JaxArray, y: JaxArray) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(parameters), x, y);
    const next = optimizer.update(parameters, gradients, state);
    return { loss: value, parameters: next.parameters, state: next.state };
  });
  let parameters = initial;
  let state = optimizer.init(initial);
  return {
    async run() {
      const next = step(parameters, state, input.ref, targets.ref);
      ({ parameters, state } = next);
      const value = await next.loss.data();
      // Neither waits for the work by itself.
      await blockUntilReady([parameters, state]);
      await getWebGPUDevice().queue.onSubmittedWorkDone();
      return value;
    },
    dispose: () => tree.dispose([parameters, state, { input, targets }]),
  };
}

/** Plain gradient descent. */
export function jaxSgd(learningRate: number): JaxOptimizer {
  return {
    init: () => ({}),
    update: (parameters, gradients, state) => ({
      parameters: mapNames(parameters, (parameter, name) =>
        parameter.sub(take(gradients, name).mul(learningRate)),
      ),
      state,
    }),
  };
}

/** Adam with the usual decays and corrected means. The number of the step is data. */
export function jaxAdam({ numpy }: Jax, learningRate: number): JaxOptimizer {
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  return {
    init: (parameters) => ({
      step: numpy.array(0),
      ...prefixed('first', parameters, (parameter) => numpy.zeros(parameter.shape)),
      ...prefixed('second', parameters, (parameter) => numpy.zeros(parameter.shape)),
    }),
    update(parameters, gradients, state) {
      const step = take(state, 'step').add(1);
      const weight = (beta: number): JaxArray =>
        numpy.subtract(1, numpy.exp(step.ref.mul(Math.log(beta))));
      const [weight1, weight2] = [weight(beta1), weight(beta2)];
      const next: JaxArrays = {};
      const moved = mapNames(parameters, (parameter, name) => {
        const gradient = take(gradients, name);
        const first = take(state, `first ${name}`)
          .mul(beta1)
          .add(gradient.ref.mul(1 - beta1));
        const second = take(state, `second ${name}`)
          .mul(beta2)
          .add(gradient.ref.mul(gradient).mul(1 - beta2));
        next[`first ${name}`] = first.ref;
        next[`second ${name}`] = second.ref;
        const root = numpy.sqrt(second.div(weight2.ref)).add(epsilon);
        return parameter.sub(first.div(weight1.ref).div(root).mul(learningRate));
      });
      weight1.dispose();
      weight2.dispose();
      return { parameters: moved, state: { step, ...next } };
    },
  };
}

/** What stands under a name; jax-js has no say in whether it is there. */
export function take(arrays: JaxArrays, name: string): JaxArray {
  const array = arrays[name];
  if (array === undefined) throw new Error(`no array '${name}'`);
  return array;
}

function mapNames(
  arrays: JaxArrays,
  change: (array: JaxArray, name: string) => JaxArray,
): JaxArrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [name, change(array, name)]),
  );
}

function prefixed(
  prefix: string,
  arrays: JaxArrays,
  change: (array: JaxArray) => JaxArray,
): JaxArrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [`${prefix} ${name}`, change(array)]),
  );
}
