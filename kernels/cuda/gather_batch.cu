// gather_batch: a block copies an image, four pixels a thread, and turns them into floats.
// Expect: bound by the writes, 4 bytes a pixel beside 1 byte read; the rows lie anywhere.
#include "common.cuh"

__device__ inline void gather_row(
    const unsigned char* __restrict__ image, real* __restrict__ x, int features, real divisor)
{
    const bool vectors = features % 4 == 0 && aligned(x) && (size_t(image) & 3) == 0;
    for (int i = 4 * threadIdx.x; i < features; i += 4 * blockDim.x) {
        if (vectors) {
            const uchar4 four = *reinterpret_cast<const uchar4*>(image + i);
            const real4 pixels = {four.x / divisor, four.y / divisor, four.z / divisor, four.w / divisor};
            *reinterpret_cast<real4*>(x + i) = pixels;
        } else {
            for (int e = i; e < i + 4 && e < features; ++e) x[e] = image[e] / divisor;
        }
    }
}

extern "C" __global__ void gather_batch(
    const unsigned char* __restrict__ images, const long long* __restrict__ labels,
    const long long* __restrict__ index, real* __restrict__ x, long long* __restrict__ y, int features,
    real divisor)
{
    const int row = blockIdx.x;
    const long long image = index[row];
    gather_row(images + image * features, x + size_t(row) * features, features, divisor);
    if (threadIdx.x == 0) y[row] = labels[image];
}

// The same for the batch that begins at *cursor of an epoch's order: what a graph replays.
extern "C" __global__ void gather_next(
    const unsigned char* __restrict__ images, const long long* __restrict__ labels,
    const long long* __restrict__ order, const int* __restrict__ cursor, real* __restrict__ x,
    long long* __restrict__ y, int features, real divisor)
{
    const int row = blockIdx.x;
    const long long image = order[*cursor + row];
    gather_row(images + image * features, x + size_t(row) * features, features, divisor);
    if (threadIdx.x == 0) y[row] = labels[image];
}

// The end of a replayed step, by one block: its losses to their place, and the cursor to the next.
extern "C" __global__ void keep_losses(
    const real* __restrict__ batch_losses, real* __restrict__ losses, int* cursor, int batch)
{
    const int start = *cursor;
    for (int i = threadIdx.x; i < batch; i += blockDim.x) losses[start + i] = batch_losses[i];
    __syncthreads();
    if (threadIdx.x == 0) *cursor = start + batch;
}
