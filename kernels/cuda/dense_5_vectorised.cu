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
    multiply(a, c, row0, column0, 0, n_in, tiles, sums);
    write(sums, out, row0, column0, batch, n_out, [&](real sum, int column) {
        const real z = sum + b[column];
        return relu ? rectified(z) : z;
    });
}
