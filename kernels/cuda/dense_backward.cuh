// dense_backward by tiles of 16 PER x 16 PER: dw = x^T g with db = sum of g's rows, and dx = g w^T,
// where g is grad masked by ReLU as it is read. Sums over the batch are cut in parts. Who includes it
// says with SUMS how many rows and columns of a tile a thread holds.
#include "parts.cuh"

template <int PER>
__device__ void weight_gradient(
    const real* x, const real* out, const real* grad, real* dw, real* db, int batch, int n_in,
    int n_out, int relu, int parts, real* memory, int* counters, Tiles<PER>& tiles, bool& last)
{
    const int i0 = blockIdx.x * tiles.SIDE, j0 = blockIdx.y * tiles.SIDE, part = blockIdx.z;
    const Factor<false> a = {x, n_in, batch, nullptr};
    const Factor<false> c = {grad, n_out, batch, relu ? out : nullptr};
    Sums<PER> sums;
    multiply<true>(
        a, c, i0, j0, part_begin(part, parts, batch), part_begin(part + 1, parts, batch), tiles, sums);
    const int tile = blockIdx.x * gridDim.y + blockIdx.y;
    if (!gathered<PER, true>(sums, memory, counters, tile, part, parts, last)) return;
    write(sums, dw, i0, j0, n_in, n_out, [](real sum, int) { return sum; });
    const int column = j0 + threadIdx.x;
    if (blockIdx.x == 0 && threadIdx.x < tiles.SIDE && column < n_out) db[column] = sums.column;
}

template <int PER>
__device__ void input_gradient(
    const real* w, const real* out, const real* grad, real* dx, int batch, int n_in, int n_out,
    int relu, Tiles<PER>& tiles)
{
    const int row0 = blockIdx.x * tiles.SIDE, column0 = blockIdx.y * tiles.SIDE;
    const Factor<true> a = {grad, batch, n_out, relu ? out : nullptr};
    const Factor<true> c = {w, n_in, n_out, nullptr};
    Sums<PER> sums;
    multiply(a, c, row0, column0, 0, n_out, tiles, sums);
    write(sums, dx, row0, column0, batch, n_in, [](real sum, int) { return sum; });
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dw_and_db(
    const real* __restrict__ x, const real* __restrict__ out, const real* __restrict__ grad,
    real* __restrict__ dw, real* __restrict__ db, int batch, int n_in, int n_out, int relu, int parts,
    real* memory, int* counters)
{
    __shared__ Tiles<SUMS> tiles;
    __shared__ bool last;
    weight_gradient(
        x, out, grad, dw, db, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dx(
    const real* __restrict__ w, const real* __restrict__ out, const real* __restrict__ grad,
    real* __restrict__ dx, int batch, int n_in, int n_out, int relu)
{
    __shared__ Tiles<SUMS> tiles;
    input_gradient(w, out, grad, dx, batch, n_in, n_out, relu, tiles);
}
