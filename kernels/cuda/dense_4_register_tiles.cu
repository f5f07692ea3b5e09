// dense, rung 4: a thread keeps a 4 x 4 block of the result in registers, a block of threads 64 x 64.
// Of 8 values read from shared memory it makes 16 multiply-adds, where rung 3 made 4.
// Expect: about 2.5x over rung 3 where there are enough tiles to fill the GPU.
#include "common.cuh"

#define SIDE 64
#define DEPTH 16
#define PER 4

extern "C" __global__ void __launch_bounds__(256) dense(
    const real* __restrict__ x, const real* __restrict__ w, const real* __restrict__ b,
    real* __restrict__ out, int batch, int n_in, int n_out, int relu)
{
    // One more in each row of x's tile: a column of it is read and written without bank conflicts.
    __shared__ real x_tile[DEPTH][SIDE + 1], w_tile[DEPTH][SIDE];
    const int t = threadIdx.x, ty = t / 16, tx = t % 16;
    const int row0 = blockIdx.x * SIDE, column0 = blockIdx.y * SIDE;
    real sum[PER][PER] = {};
    for (int start = 0; start < n_in; start += DEPTH) {
        for (int e = t; e < SIDE * DEPTH; e += 256) {
            const int row = row0 + e / DEPTH, k = start + e % DEPTH;
            x_tile[e % DEPTH][e / DEPTH] = row < batch && k < n_in ? x[row * n_in + k] : real(0);
        }
        for (int e = t; e < SIDE * DEPTH; e += 256) {
            const int k = start + e / SIDE, column = column0 + e % SIDE;
            w_tile[e / SIDE][e % SIDE] = k < n_in && column < n_out ? w[k * n_out + column] : real(0);
        }
        __syncthreads();
        for (int k = 0; k < DEPTH; ++k) {
            real u[PER], v[PER];
#pragma unroll
            for (int i = 0; i < PER; ++i) u[i] = x_tile[k][ty + 16 * i];
#pragma unroll
            for (int j = 0; j < PER; ++j) v[j] = w_tile[k][tx + 16 * j];
#pragma unroll
            for (int i = 0; i < PER; ++i)
#pragma unroll
                for (int j = 0; j < PER; ++j) sum[i][j] += u[i] * v[j];
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < PER; ++i)
#pragma unroll
        for (int j = 0; j < PER; ++j) {
            const int row = row0 + ty + 16 * i, column = column0 + tx + 16 * j;
            if (row >= batch || column >= n_out) continue;
            const real z = sum[i][j] + b[column];
            out[row * n_out + column] = relu ? rectified(z) : z;
        }
}
