// dense, rung 6: the sum over n_in is cut in parts, and the block that finishes last adds them up.
// A batch of 128 has 4 tiles of 64 x 64 for 132 multiprocessors: most of the GPU stood idle.
// Expect: 4x over rung 5 at batch 128; at batch 8192, tiles of 128 x 128 instead, about 1.3x.
#include "parts.cuh"

template <int PER>
__device__ void dense_part(
    const real* x, const real* w, const real* b, real* out, int batch, int n_in, int n_out, int relu,
    int parts, real* memory, int* counters, Tiles<PER>& tiles, bool& last)
{
    const int row0 = blockIdx.x * tiles.SIDE, column0 = blockIdx.y * tiles.SIDE, part = blockIdx.z;
    const Factor<true> a = {x, batch, n_in, nullptr};
    const Factor<false> c = {w, n_out, n_in, nullptr};
    Sums<PER> sums;
    multiply<PER, true, false, false>(
        a, c, row0, column0, part_begin(part, parts, n_in), part_begin(part + 1, parts, n_in), tiles,
        sums);
    const int tile = blockIdx.x * gridDim.y + blockIdx.y;
    if (!gathered<PER, false>(sums, memory, counters, tile, part, parts, last)) return;
    write(sums, out, row0, column0, batch, n_out, [&](real sum, int column) {
        const real z = sum + b[column];
        return relu ? rectified(z) : z;
    });
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense_64(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu, int parts, real* memory,
    int* counters)
{
    __shared__ Tiles<4> tiles;
    __shared__ bool last;
    dense_part(x, w, b, out, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense_128(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu, int parts, real* memory,
    int* counters)
{
    __shared__ Tiles<8> tiles;
    __shared__ bool last;
    dense_part(x, w, b, out, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}
