// dense, rung 7: tiles of 128 x 128, 8 x 8 elements a thread; in parts as in rung 6. For float.
// Of 16 values read from shared memory a thread makes 64 multiply-adds, where rung 6 made 32.
// Expect: 1.3x over rung 6 from batch 8192 on; a loss below, where the tiles are too few.
#include "dense_part.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu, int parts, real* memory,
    int* counters)
{
    __shared__ Tiles<8> tiles;
    __shared__ bool last;
    dense_part(x, w, b, out, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}
