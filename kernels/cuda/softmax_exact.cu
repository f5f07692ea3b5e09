// softmax and softmax_cross_entropy in exact precision: exponentials from a table, probabilities on
// their grid, the gradient that of the sum. A thread a row: it is a way to prove kernels. For double.
#include "common.cuh"

#define ENTRIES 65536
#define PER_LOGIT 4096.0       // steps of the logits' grid in 1
#define PER_PROBABILITY 1048576.0

// Softmax of a row on its grid into `p`; its sum of exponentials.
__device__ inline double exact_row(
    const double* z, const double* __restrict__ table, double* p, int n, double top)
{
    double total = 0;
    for (int j = 0; j < n; ++j) {
        const double steps = (top - z[j]) * PER_LOGIT;
        p[j] = table[steps < ENTRIES - 1 ? int(steps) : ENTRIES - 1];
        total += p[j];
    }
    for (int j = 0; j < n; ++j) p[j] = rint(p[j] / total * PER_PROBABILITY) / PER_PROBABILITY;
    return total;
}

__device__ inline double exact_max(const double* z, int n)
{
    double top = z[0];
    for (int j = 1; j < n; ++j) top = z[j] > top ? z[j] : top;
    return top;
}

extern "C" __global__ void softmax(
    const double* __restrict__ logits, const double* __restrict__ table, double* __restrict__ out,
    int batch, int classes)
{
    const int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= batch) return;
    const double* z = logits + size_t(row) * classes;
    exact_row(z, table, out + size_t(row) * classes, classes, exact_max(z, classes));
}

extern "C" __global__ void softmax_cross_entropy(
    const double* __restrict__ logits, const long long* __restrict__ labels,
    const double* __restrict__ table, double* __restrict__ loss, double* __restrict__ dlogits, int batch,
    int classes)
{
    const int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= batch) return;
    const double* z = logits + size_t(row) * classes;
    double* d = dlogits + size_t(row) * classes;
    const double top = exact_max(z, classes), total = exact_row(z, table, d, classes, top);
    loss[row] = log(total) - (z[labels[row]] - top);
    d[labels[row]] -= 1;
}
