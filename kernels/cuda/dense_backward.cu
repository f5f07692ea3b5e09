// dense_backward in two launches: dw with db, then dx; g = grad masked by ReLU is never written.
// Expect: the time of the two products; mask and bias gradient read nothing that is not there anyway.
#include "dense_backward.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dw_and_db(
    const real* __restrict__ x, const real* __restrict__ out, const real* __restrict__ grad,
    real* __restrict__ dw, real* __restrict__ db, int batch, int n_in, int n_out, int relu, int parts,
    real* memory, int* counters)
{
    __shared__ Tiles<4> tiles;
    __shared__ bool last;
    weight_gradient(
        x, out, grad, dw, db, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dx(
    const real* __restrict__ w, const real* __restrict__ out, const real* __restrict__ grad,
    real* __restrict__ dx, int batch, int n_in, int n_out, int relu)
{
    __shared__ Tiles<4> tiles;
    input_gradient(w, out, grad, dx, batch, n_in, n_out, relu, tiles);
}
