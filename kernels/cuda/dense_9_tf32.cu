// dense, rung 9: tensor cores with factors cut to TF32, as a framework does that allows it.
// Three digits instead of seven: precision tf32, never certified as float32. For float. Needs sm_80.
// Expect: up to 3x over rung 8 where products are all that counts.
#include "dense_tensor.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) dense(
    const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ b,
    float* __restrict__ out, int batch, int n_in, int n_out, int relu, int parts, float* memory,
    int* counters)
{
    __shared__ TensorTiles tiles;
    __shared__ bool last;
    dense_on_tensor_cores<false>(
        x, w, b, out, batch, n_in, n_out, relu, parts, memory, counters, tiles, last);
}
