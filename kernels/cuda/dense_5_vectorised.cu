// dense, rung 5: memory and shared memory are read in fours, and the next slice of x and w is on its
// way from memory while the present one is multiplied (tile.cuh).
// Expect: about 1.4x over rung 4: a quarter of its load instructions, and no waiting for memory.
#include "tile.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu)
{
    __shared__ Tiles<4> tiles;
    const int row0 = blockIdx.x * tiles.SIDE, column0 = blockIdx.y * tiles.SIDE;
    const Factor<true> a = {x, batch, n_in, nullptr};
    const Factor<false> c = {w, n_out, n_in, nullptr};
    Sums<4> sums;
    multiply<4, true, false, false>(a, c, row0, column0, 0, n_in, tiles, sums);
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) {
            const int row = row0 + spread(sums.ty, i), column = column0 + spread(sums.tx, j);
            if (row >= batch || column >= n_out) continue;
            const real z = sums.v[i][j] + b[column];
            out[row * n_out + column] = relu ? rectified(z) : z;
        }
}
