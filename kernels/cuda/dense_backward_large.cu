// dense_backward by tiles of 128 x 128: what rung 7 is to rung 6 of dense. For float.
// Expect: 1.3x over tiles of 64 x 64 from batch 8192 on.
#include "dense_backward.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dw_and_db(
    const real* __restrict__ x, const real* __restrict__ out, const real* __restrict__ grad,
    real* __restrict__ dw, real* __restrict__ db, int batch, int n_in, int n_out, int relu, int parts,
    real* memory, int* counters)
{
    __shared__ Tiles<8> tiles;
    __shared__ bool last;
    weight_gradient(
        x, out, grad, dw, db, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dx(
    const real* __restrict__ w, const real* __restrict__ out, const real* __restrict__ grad,
    real* __restrict__ dx, int batch, int n_in, int n_out, int relu)
{
    __shared__ Tiles<8> tiles;
    input_gradient(w, out, grad, dx, batch, n_in, n_out, relu, tiles);
}
