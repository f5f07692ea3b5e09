// bias_gradient: 32 columns a block; each of its 8 rows of threads adds every 8th row of a part of
// the batch, one of them the 8 sums, and the block that finishes last the parts, in their order.
// Expect: the copy bandwidth for a large batch; one launch, and the same bits each time.
#include "parts.cuh"

#define ROWS 8

extern "C" __global__ void __launch_bounds__(WARP* ROWS) bias_gradient(
    const real* __restrict__ grad, real* __restrict__ db, int batch, int n_out, int parts, real* memory,
    int* counters)
{
    __shared__ real sums[ROWS][WARP];
    __shared__ bool last;
    const int j = threadIdx.x, column = blockIdx.x * WARP + j, part = blockIdx.y;
    const int end = part_begin(part + 1, parts, batch);
    real sum = 0;
    if (column < n_out)
        for (int row = part_begin(part, parts, batch) + threadIdx.y; row < end; row += ROWS)
            sum += grad[size_t(row) * n_out + column];
    sums[threadIdx.y][j] = sum;
    __syncthreads();
    if (threadIdx.y == 0) {
        for (int i = 1; i < ROWS; ++i) sum += sums[i][j];
        memory[(part * gridDim.x + blockIdx.x) * WARP + j] = sum;
    }
    if (!last_of(parts, counters + blockIdx.x, last) || threadIdx.y > 0 || column >= n_out) return;
    sum = 0;
    for (int p = 0; p < parts; ++p) sum += __ldcg(memory + (p * gridDim.x + blockIdx.x) * WARP + j);
    db[column] = sum;
}
