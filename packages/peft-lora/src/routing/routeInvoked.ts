import type { Weight } from '@lorikeet/nn';
import { LorikeetError, ones, type Shape, stack, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { adapterLayers, isAdapterLayer, mapAdapted } from '../layers.ts';
import { GivenRouter } from './givenRouter.ts';
import { invocationOf, withoutInvocation } from './invocation.ts';
import { routeAdapters } from './routeAdapters.ts';

/**
 * The tokens from which on each adapter acts that waits for some, by its name.
 *
 * @throws LorikeetError `no-match` if none does.
 */
export function waitingFor(tuned: unknown): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>();
  for (const { layer } of adapterLayers(tuned)) {
    const tokens = invocationOf(layer);
    if (tokens !== undefined) found.set(layer.name, tokens);
  }
  if (found.size > 0) return found;
  throw new LorikeetError('no-match', 'no adapter of the model waits for invocation tokens', {
    hint: 'call the model as it is',
  });
}

/**
 * A model whose waiting adapters count by gates, and all others everywhere.
 *
 * @param gates by the name of the adapter, each of `shape`: [B, T].
 */
export function routeInvoked<T>(tuned: T, gates: ReadonlyMap<string, Tensor>, shape: Shape): T {
  const paths = new Set(
    adapterLayers(tuned)
      .filter(({ layer }) => invocationOf(layer) !== undefined)
      .map(({ path }) => path.slice(0, path.lastIndexOf('.'))),
  );
  const always = ones(shape);
  return routeAdapters(
    mapAdapted(tuned, plainLayers),
    ({ layers }) =>
      new GivenRouter(
        stack(
          layers.map(({ name }) => gates.get(name) ?? always),
          -1,
        ),
      ),
    { isRouted: (path) => paths.has(path) },
  );
}

function plainLayers(weight: Weight): Weight {
  if (!isAdapterLayer(weight)) return weight;
  const below = weight.with({ base: plainLayers(weight.base) });
  return below instanceof AdaptedWeight && invocationOf(below) !== undefined
    ? withoutInvocation(below)
    : below;
}
