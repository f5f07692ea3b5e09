// Softmax of a row by a warp: lane j holds columns j, j + 32, ...
#include "common.cuh"

__device__ inline real warp_max(real value)
{
    for (int away = WARP / 2; away > 0; away /= 2) {
        const real other = __shfl_xor_sync(ALL_LANES, value, away);
        value = other > value ? other : value;
    }
    return value;
}

__device__ inline real warp_sum(real value)
{
    for (int away = WARP / 2; away > 0; away /= 2) value += __shfl_xor_sync(ALL_LANES, value, away);
    return value;
}

// The row's largest element, in every lane.
__device__ inline real row_max(const real* row, int n)
{
    real top = row[0];
    for (int j = lane(); j < n; j += WARP) top = row[j] > top ? row[j] : top;
    return warp_max(top);
}

// The row's sum of exponentials, each left in `out`; the sum in every lane.
__device__ inline real row_exponentials(const real* row, real top, real* out, int n)
{
    real total = 0;
    for (int j = lane(); j < n; j += WARP) total += out[j] = exp(row[j] - top);
    return warp_sum(total);
}
