// dense, rung 8: tensor cores. Each factor is the sum of two TF32 numbers, and three products of them
// make one of float32's accuracy. For float. Needs sm_80.
// Expect: a third of the TF32 rate, 2x over rung 7 at large batches; at 128 the launch counts.
#include "dense_tensor.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense(
    const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ b,
    float* __restrict__ out, int batch, int n_in, int n_out, int relu, int parts, float* memory,
    int* counters)
{
    __shared__ TensorTiles tiles;
    __shared__ bool last;
    dense_on_tensor_cores<true>(
        x, w, b, out, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}
