// softmax_cross_entropy, rung 3: maximum and sum in one pass over the row; the sum is rescaled
// whenever the maximum grows (Milakov and Gimelshein 2018, https://arxiv.org/abs/1805.02867).
// Expect: a third fewer reads for thousands of classes; with 10, one chain of shuffles instead of two.
#include "softmax.cuh"

extern "C" __global__ void softmax_cross_entropy(
    const real* __restrict__ logits, const long long* __restrict__ labels, real* __restrict__ loss,
    real* __restrict__ dlogits, int batch, int classes)
{
    const int row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    if (row >= batch) return;
    const real* z = logits + size_t(row) * classes;
    real* d = dlogits + size_t(row) * classes;
    const int label = int(labels[row]);
    real top = z[0], total = 0;
    for (int j = lane(); j < classes; j += WARP) {
        const real greater = z[j] > top ? z[j] : top;
        total = total * exp(top - greater) + exp(z[j] - greater);
        top = greater;
    }
    for (int away = WARP / 2; away > 0; away /= 2) {
        const real their_top = __shfl_xor_sync(ALL_LANES, top, away);
        const real their_total = __shfl_xor_sync(ALL_LANES, total, away);
        const real greater = their_top > top ? their_top : top;
        total = total * exp(top - greater) + their_total * exp(their_top - greater);
        top = greater;
    }
    if (lane() == 0) loss[row] = log(total) - (z[label] - top);
    for (int j = lane(); j < classes; j += WARP)
        d[j] = (exp(z[j] - top) / total - real(j == label)) / batch;
}
