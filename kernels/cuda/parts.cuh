// A long sum cut in parts, a block each: the block that finishes last adds them in their order, so
// that the result is the same each time. One launch, no float atomics.
#include "tile.cuh"

// True in the block that comes last of `parts` to this counter, which is then 0 for the next launch.
// What the other blocks wrote before is visible to it.
__device__ inline bool last_of(int parts, int* counter, bool& last)
{
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        last = atomicAdd(counter, 1) == parts - 1;
        if (last) *counter = 0;
    }
    __syncthreads();
    if (last) __threadfence();
    return last;
}

// First k of a part when `depth` is cut in `parts`, at a multiple of a slice.
__device__ inline int part_begin(int part, int parts, int depth)
{
    const int slices = (depth + DEPTH - 1) / DEPTH;
    const int k = int(size_t(slices) * part / parts) * DEPTH;
    return k < depth ? k : depth;
}

// True in the block that holds the whole sums of the tile afterwards. `memory` has room for the sums
// of every thread, tile and part.
template <int PER, bool with_columns, typename TileSums>
__device__ bool gathered(
    TileSums& sums, real* memory, int* counters, int tile, int part, int parts, bool& last)
{
    constexpr int HELD = PER * PER + with_columns;
    if (parts == 1) return true;
    real* const of_tile = memory + size_t(tile) * parts * HELD * TILE_THREADS + threadIdx.x;
    real* mine = of_tile + size_t(part) * HELD * TILE_THREADS;
#pragma unroll
    for (int e = 0; e < PER * PER; ++e) mine[e * TILE_THREADS] = sums.v[e / PER][e % PER];
    if constexpr (with_columns) mine[PER * PER * TILE_THREADS] = sums.column;
    if (!last_of(parts, counters + tile, last)) return false;
    sums = TileSums();
    for (int p = 0; p < parts; ++p) {
        const real* theirs = of_tile + size_t(p) * HELD * TILE_THREADS;
#pragma unroll
        for (int e = 0; e < PER * PER; ++e) sums.v[e / PER][e % PER] += __ldcg(theirs + e * TILE_THREADS);
        if constexpr (with_columns)
            sums.column += __ldcg(theirs + PER * PER * TILE_THREADS);
    }
    return true;
}
