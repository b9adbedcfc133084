import { attention, normal, randomKey, useBackend, vjp, tensor, type Tensor } from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
let seed = 1;
const rnd = (n: number) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
const arr = (n: number) => Float32Array.from({ length: n }, () => (rnd(10007) / 5003 - 1) * 1.5);
const backends = [await createNodeWebgpuBackend({ tiling: 'register', attention: 'always', dawn: ['backend=null'] }), await createNodeWebgpuBackend({ tiling: 'workgroup', attention: 'always', dawn: ['backend=null'] })];
const ref = useBackend(backends[0]!);
const n = Number(process.argv[2] ?? 10);
for (let c = 0; c < n; c++) {
  const B = 1 + rnd(2), G = 1 + rnd(2), H = G * (1 + rnd(3)), T = 1 + rnd(70), S = 1 + rnd(70);
  const K = [3, 4, 6, 8, 16, 32][rnd(6)]!, V = [3, 4, 6, 8, 16][rnd(5)]!;
  const causal = rnd(2) > 0, window = rnd(3) === 0 ? 1 + rnd(9) : undefined, masked = rnd(2) > 0, biased = process.env.B==='1', drop = process.env.D==='1';
  const desc = JSON.stringify({ B, G, H, T, S, K, V, causal, window, masked, biased, drop });
  const sh = { q: [B, H, T, K], k: [B, G, S, K], v: [B, G, S, V] };
  const size = (s: number[]) => s.reduce((a, b) => a * b, 1);
  const data = { q: arr(size(sh.q)), k: arr(size(sh.k)), v: arr(size(sh.v)) };
  const ms = [[B, 1, 1, S], [B, H, T, S], [T, S]][rnd(3)]!; const md = Array.from({ length: size(ms) }, () => rnd(3) > 0);
  const bs = [[1, H, T, S], [S], [T, 1]][rnd(3)]!; const bd = arr(size(bs)); if (rnd(2)) bd[0] = -Infinity;
  const g = arr(B * H * T * V);
  const run = async (be: any) => {
    useBackend(be);
    const mask = masked ? tensor(md, ms, 'bool') : undefined;
    const bias = biased ? tensor(bd, bs) : undefined;
    const key = randomKey(c);
    const { value, pullback } = vjp((ts: readonly Tensor[]) => attention(ts[0]!, ts[1]!, ts[2]!, { causal, window, mask, bias, dropout: drop ? { rate: 0.3, key } : undefined }), [tensor(data.q, sh.q), tensor(data.k, sh.k), tensor(data.v, sh.v)]);
    const gs = pullback(tensor(g, value.shape)) as Tensor[];
    return [await value.data(), ...(await Promise.all(gs.slice(0, 3).map((x) => x.data())))];
  };
  console.log(c, desc); let t0 = performance.now(); const want = await run(ref); console.log('ref', performance.now() - t0);
  for (const [b, be] of backends.entries()) {
    try {
      t0 = performance.now(); const got = await run(be); console.log('be', b, performance.now() - t0);
      got.forEach((d, p) => {
        let worst = 0, at = 0, scale = 1;
        d.forEach((x: number, i: number) => { const e = Math.abs(x - want[p]![i]!); scale = Math.max(scale, Math.abs(want[p]![i]!)); if (!(e <= worst)) { worst = Number.isNaN(e) ? (Object.is(x, want[p]![i]) ? worst : Infinity) : e; at = i; } });
        if (worst > 2e-5 * scale) console.log('BAD', b, 'part', p, worst, 'at', at, d[at], want[p]![at], desc);
      });
    } catch (e: any) { console.log('ERR', b, desc, String(e.message).slice(0, 300), process.argv[3] ? e.hint : ''); }
  }
}
console.log('done');
process.exit(0);
