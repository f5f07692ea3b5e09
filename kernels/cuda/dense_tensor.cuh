// dense on tensor cores: tiles of 64 x 64 by 8 warps, 16 x 32 each, in parts as in rung 6.
#include "mma.cuh"
#include "parts.cuh"

// Eight more in a row of a tile: the fragments' reads then fall on 32 different banks.
using TensorTiles = Tiles<4, 8>;

// The part of a tile that one thread holds: 4 products 16 x 8 side by side. With `split`, each factor
// is a large and a small TF32 number, and three of their four products are added.
template <bool split>
struct TensorSums {
    float v[4][4] = {};
    int row = threadIdx.x / WARP / 2 * 16 + lane() / 4;
    int column = threadIdx.x / WARP % 2 * 32;

    __device__ void add(const TensorTiles& tiles)
    {
        // From zero for each slice, then added as floats: tensor cores cut sums off, not round them.
        float slice[4][4] = {};
#pragma unroll
        for (int k = lane() % 4; k < DEPTH; k += 8) {
            float a[4], a_small[4];
#pragma unroll
            for (int e = 0; e < 4; ++e)
                a[e] = parted(tiles.a[k + e / 2 * 4][row + e % 2 * 8], a_small[e]);
#pragma unroll
            for (int n = 0; n < 4; ++n) {
                float b[2], b_small[2];
#pragma unroll
                for (int e = 0; e < 2; ++e)
                    b[e] = parted(tiles.b[k + e * 4][column + n * 8 + lane() / 4], b_small[e]);
                if (split) {
                    mma_tf32(slice[n], a_small, b);
                    mma_tf32(slice[n], a, b_small);
                }
                mma_tf32(slice[n], a, b);
            }
        }
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int e = 0; e < 4; ++e) v[n][e] += slice[n][e];
    }

    // The TF32 number next to x; in `small`, the one next to what is left.
    __device__ static float parted(float x, float& small)
    {
        const float large = to_tf32(x);
        small = split ? to_tf32(x - large) : 0;
        return large;
    }
};

template <bool split>
__device__ void dense_on_tensor_cores(
    const float* x, const float* w, const float* b, float* out, int batch, int n_in, int n_out, int relu,
    int parts, float* memory, int* counters, TensorTiles& tiles, bool& last)
{
    const int row0 = blockIdx.x * tiles.SIDE, column0 = blockIdx.y * tiles.SIDE, part = blockIdx.z;
    const Factor<true> a = {x, batch, n_in, nullptr};
    const Factor<false> c = {w, n_out, n_in, nullptr};
    TensorSums<split> sums;
    multiply(
        a, c, row0, column0, part_begin(part, parts, n_in), part_begin(part + 1, parts, n_in), tiles,
        sums);
    const int tile = blockIdx.x * gridDim.y + blockIdx.y;
    if (!gathered<4, false>(sums, memory, counters, tile, part, parts, last)) return;
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            const int row = row0 + sums.row + e / 2 * 8;
            const int column = column0 + sums.column + n * 8 + lane() % 4 * 2 + e % 2;
            if (row >= batch || column >= n_out) continue;
            const float z = sums.v[n][e] + b[column];
            out[size_t(row) * n_out + column] = relu ? rectified(z) : z;
        }
}
