import * as t from '@lorikeet/tensor-core';
import { type Meanings, ofAB, ofX } from './meaning.ts';

export const spectral: Meanings = {
  'real(ifft2(x))': ofX((x) => {
    const { re, im } = t.inverseFourier({ re: x });
    return t.swapAxes(t.inverseFourier({ re: t.swapAxes(re), im: t.swapAxes(im) }).re);
  }),
  // The spectrum of real numbers says each frequency twice: half of it is PyTorch's.
  'irfft(rfft(a) * rfft(b))': ofAB((a, b) => {
    const [one, two] = [t.fourier({ re: a }), t.fourier({ re: b })];
    return t.inverseFourier({
      re: t.sub(t.mul(one.re, two.re), t.mul(one.im, two.im)),
      im: t.add(t.mul(one.re, two.im), t.mul(one.im, two.re)),
    }).re;
  }),
};
