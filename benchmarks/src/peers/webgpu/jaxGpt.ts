import { nextIds, oneHot } from './hostArrays.ts';
import {
  type Jax,
  type JaxArray,
  type JaxArrays,
  jaxAdam,
  take,
  trainingWork,
  upload,
  uploadIds,
} from './jaxTraining.ts';
import type { GptTask, PeerWork } from './peer.ts';

/** Steps of a small GPT-2 with jax-js. B batch, T time, D model, H heads, K head, V vocabulary. */
export function jaxGpt(jax: Jax, task: GptTask): PeerWork {
  const { weights, ids, learningRate } = task;
  const parameters = Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [name, upload(jax, tensor)]),
  );
  const classes = weights['transformer.wte.weight']?.shape[0] ?? 0;
  const targets = upload(jax, oneHot(nextIds(ids), classes)); // [B, T-1, V]
  return trainingWork(
    jax,
    gptLoss(jax, task),
    parameters,
    [uploadIds(jax, ids), targets],
    jaxAdam(jax, learningRate),
  );
}

function gptLoss(
  { numpy, nn, tree }: Jax,
  { ids: { shape }, layers, heads, epsilon }: GptTask,
): (parameters: JaxArrays, ids: JaxArray, targets: JaxArray) => JaxArray {
  const [rows = 0, time = 0] = shape;
  return (parameters, ids, targets) => {
    // Each use takes a reference; what is left is given back at the end.
    const weight = (name: string): JaxArray => take(parameters, `transformer.${name}`).ref;
    const linear = (x: JaxArray, name: string): JaxArray =>
      numpy.matmul(x, weight(`${name}.weight`)).add(weight(`${name}.bias`));
    const normalize = (x: JaxArray, name: string): JaxArray =>
      nn
        .standardize(x, -1, { epsilon })
        .mul(weight(`${name}.weight`))
        .add(weight(`${name}.bias`));
    const attend = (x: JaxArray, name: string): JaxArray => {
      const width = x.shape[2] ?? 0;
      const [query, key, value] = numpy
        .split(linear(x, `${name}.c_attn`), 3, -1)
        .map((part) => part.reshape([rows, time, heads, width / heads])); // [B, T, H, K]
      if (query === undefined || key === undefined || value === undefined)
        throw new Error('split gave fewer than three');
      const attended = nn.dotProductAttention(query, key, value, { isCausal: true });
      return linear(attended.reshape([rows, time, width]), `${name}.c_proj`);
    };
    let state = numpy.take(weight('wte.weight'), ids, 0).add(weight('wpe.weight')); // [B, T, D]
    for (let i = 0; i < layers; i++) {
      state = state.ref.add(attend(normalize(state, `h.${i}.ln_1`), `h.${i}.attn`));
      const hidden = nn.gelu(linear(normalize(state.ref, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`));
      state = state.add(linear(hidden, `h.${i}.mlp.c_proj`));
    }
    const last = normalize(state, 'ln_f').slice([], [0, time - 1]); // [B, T-1, D]
    const logits = numpy.matmul(last, weight('wte.weight').transpose()); // [B, T-1, V]
    tree.dispose(parameters);
    return nn
      .logSoftmax(logits)
      .mul(targets)
      .sum()
      .mul(-1 / (rows * (time - 1)));
  };
}
