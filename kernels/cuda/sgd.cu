// sgd over all parameters, which stand in one array: one launch, four neighbours a thread.
// Expect: the copy bandwidth at 3 passes for large networks; for 784-128-64-10 the cost of a launch.
#include "common.cuh"

extern "C" __global__ void sgd(
    real* __restrict__ param, const real* __restrict__ grad, real lr, int n)
{
    const int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 4 <= n && aligned(param) && aligned(grad)) {
        real4 p = *reinterpret_cast<const real4*>(param + i);
        const real4 g = *reinterpret_cast<const real4*>(grad + i);
        for (int e = 0; e < 4; ++e) p.v[e] -= lr * g.v[e];
        *reinterpret_cast<real4*>(param + i) = p;
    } else {
        for (int e = i; e < i + 4 && e < n; ++e) param[e] -= lr * grad[e];
    }
}
