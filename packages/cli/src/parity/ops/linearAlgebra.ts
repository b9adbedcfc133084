import * as t from '@lorikeet/tensor-core';
import { get, type Meanings, ofAB, ofX } from './meaning.ts';

export const linearAlgebra: Meanings = {
  kron: ofAB(t.kron),
  'linalg.svdvals': ofX((x) => t.svd(x).s),
  'best rank-2 approximation from linalg.svd': ofX((x, { rank }) => {
    const { u, s, v } = t.svd(x);
    const first = (part: t.Tensor): t.Tensor => t.sliceAxis(part, -1, 0, Number(rank));
    return t.matmul(t.mul(first(u), first(s)), t.swapAxes(first(v)));
  }),
  'linalg.qr': (o) => {
    const { q, r } = t.qr(get(o, 'x'));
    return [q, r];
  },
  'linalg.cholesky': ofX(t.cholesky),
  'linalg.solve, linalg.inv': (o) => [t.solve(get(o, 'a'), get(o, 'b')), t.inv(get(o, 'a'))],
  'linalg.det, slogdet': (o) => [t.det(get(o, 'a')), t.slogdet(get(o, 'a')).logAbsDet],
  'linalg.eigvalsh': ofX(t.eigvalsh),
  matrix_exp: ofX(t.expm),
};
