// dense, rung 1: a thread computes one element of the result, the threads of a warp one column.
// Each of them reads another row of x and writes another row of out: 32 transactions where 1 would do.
// Expect: bound by memory transactions, a percent of peak; the yardstick for what follows.
#include "common.cuh"

extern "C" __global__ void dense(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu)
{
    const int row = blockIdx.x * blockDim.x + threadIdx.x;
    const int column = blockIdx.y * blockDim.y + threadIdx.y;
    if (row >= batch || column >= n_out) return;
    real sum = 0;
    for (int k = 0; k < n_in; ++k) sum += x[row * n_in + k] * w[k * n_out + column];
    const real z = sum + b[column];
    out[row * n_out + column] = relu ? rectified(z) : z;
}
