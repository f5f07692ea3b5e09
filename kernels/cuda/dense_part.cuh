// dense by tiles of 16 PER x 16 PER, the sum over n_in cut in parts: rungs 6 and 7.
#include "parts.cuh"

template <int PER>
__device__ void dense_part(
    const real* x, const real* w, const real* b, real* out, int batch, int n_in, int n_out, int relu,
    int parts, real* memory, int* counters, Tiles<PER>& tiles, bool& last)
{
    const int row0 = blockIdx.x * tiles.SIDE, column0 = blockIdx.y * tiles.SIDE, part = blockIdx.z;
    const Factor<true> a = {x, batch, n_in, nullptr};
    const Factor<false> c = {w, n_out, n_in, nullptr};
    Sums<PER> sums;
    multiply(
        a, c, row0, column0, part_begin(part, parts, n_in), part_begin(part + 1, parts, n_in), tiles,
        sums);
    const int tile = blockIdx.x * gridDim.y + blockIdx.y;
    if (!gathered<PER, false>(sums, memory, counters, tile, part, parts, last)) return;
    write(sums, out, row0, column0, batch, n_out, [&](real sum, int column) {
        const real z = sum + b[column];
        return relu ? rectified(z) : z;
    });
}
