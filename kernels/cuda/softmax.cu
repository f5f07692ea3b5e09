// softmax: a warp a row, its maximum and sum by shuffles.
// Expect: the launch for a batch of 128; beyond the cache, the copy bandwidth.
#include "softmax.cuh"

extern "C" __global__ void softmax(
    const real* __restrict__ logits, real* __restrict__ out, int batch, int classes)
{
    const int row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    if (row >= batch) return;
    const real* z = logits + size_t(row) * classes;
    real* p = out + size_t(row) * classes;
    const real total = row_exponentials(z, row_max(z, classes), p, classes);
    for (int j = lane(); j < classes; j += WARP) p[j] /= total;
}
