// dense, rung 6: the sum over n_in is cut in parts, and the block that finishes last adds them up.
// A batch of 128 has 4 tiles of 64 x 64 for 132 multiprocessors: most of the GPU stood idle.
// Expect: 4x over rung 5 at batch 128; nothing where there are tiles enough.
#include "dense_part.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu, int parts, real* memory,
    int* counters)
{
    __shared__ Tiles<4> tiles;
    __shared__ bool last;
    dense_part(x, w, b, out, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}
