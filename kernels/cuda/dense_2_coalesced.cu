// dense, rung 2: the same, but the threads of a warp compute neighbours of one row.
// Their reads of w and writes of out fall into one transaction, their reads of x into one broadcast.
// Expect: up to 8x over rung 1; now bound by the cache, two loads for each multiply-add.
#include "common.cuh"

extern "C" __global__ void dense(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu)
{
    const int row = blockIdx.x * blockDim.y + threadIdx.y;
    const int column = blockIdx.y * blockDim.x + threadIdx.x;
    if (row >= batch || column >= n_out) return;
    real sum = 0;
    for (int k = 0; k < n_in; ++k) sum += x[row * n_in + k] * w[k * n_out + column];
    const real z = sum + b[column];
    out[row * n_out + column] = relu ? rectified(z) : z;
}
