// A tile of a product by a block of 256 threads: 16 PER x 16 PER elements, PER x PER a thread.
// Memory is read four neighbours at a time, the next slice while the present one is multiplied.
#include "common.cuh"

#define TILE_THREADS 256
#define DEPTH 16

// PAD more in a row: neighbours along k fall on different banks, and rows stay aligned.
template <int PER, int PAD = 4>
struct Tiles {
    static constexpr int SIDE = 16 * PER;
    real a[DEPTH][SIDE + PAD], b[DEPTH][SIDE + PAD];
};

// One factor of a product: element (i, k) for i < length along the result and k < depth along the
// sum. `along_k` says in which direction its elements are neighbours in memory. With `mask`, an
// array laid out alike, it is 0 where the mask is not positive.
template <bool along_k>
struct Factor {
    const real* data;
    int length, depth;
    const real* mask;

    __device__ int stride() const { return along_k ? depth : length; }

    __device__ bool vectors() const
    {
        return stride() % 4 == 0 && aligned(data) && (!mask || aligned(mask));
    }

    // Neighbours (i, k), (i, k + 1) ... or (i, k), (i + 1, k) ...; those beyond `i` or `k_end` are 0.
    __device__ real4 four(int i, int k, int k_end, bool vectors) const
    {
        const int last = along_k ? k_end - k : length - i;  // neighbours that there are
        const size_t at = along_k ? size_t(i) * depth + k : size_t(k) * length + i;
        real4 found = {};
        if (i >= length || k >= k_end) return found;
        if (vectors && last >= 4) {
            found = *reinterpret_cast<const real4*>(data + at);
            if (mask) {
                const real4 m = *reinterpret_cast<const real4*>(mask + at);
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    if (!(m.v[e] > 0)) found.v[e] = 0;
            }
            return found;
        }
#pragma unroll
        for (int e = 0; e < 4; ++e)
            if (e < last && (!mask || mask[at + e] > 0)) found.v[e] = data[at + e];
        return found;
    }
};

// The fours of a slice that one thread carries from memory to shared memory.
template <int PER, bool along_k>
struct Slice {
    static constexpr int SIDE = 16 * PER, COUNT = SIDE * DEPTH / 4 / TILE_THREADS;
    real4 held[COUNT];

    __device__ static int i_of(int four) { return along_k ? four / (DEPTH / 4) : four % (SIDE / 4) * 4; }
    __device__ static int k_of(int four) { return along_k ? four % (DEPTH / 4) * 4 : four / (SIDE / 4); }

    __device__ void load(const Factor<along_k>& f, int i0, int k0, int k_end, bool vectors)
    {
#pragma unroll
        for (int c = 0; c < COUNT; ++c) {
            const int four = threadIdx.x + c * TILE_THREADS;
            held[c] = f.four(i0 + i_of(four), k0 + k_of(four), k_end, vectors);
        }
    }

    template <int WIDTH>
    __device__ void store(real (&tile)[DEPTH][WIDTH]) const
    {
#pragma unroll
        for (int c = 0; c < COUNT; ++c) {
            const int four = threadIdx.x + c * TILE_THREADS, i = i_of(four), k = k_of(four);
            if (along_k) {
#pragma unroll
                for (int e = 0; e < 4; ++e) tile[k + e][i] = held[c].v[e];
            } else {
                *reinterpret_cast<real4*>(&tile[k][i]) = held[c];
            }
        }
    }
};

// Where in the tile the e-th of a thread's rows or columns is: in fours, 64 apart.
__device__ inline int spread(int thread, int e) { return e / 4 * 64 + thread * 4 + e % 4; }

// The part of a tile that one thread holds.
template <int PER>
struct Sums {
    real v[PER][PER] = {};
    real column = 0;  // of one column of b: the sum along k
    int ty = threadIdx.x / 16, tx = threadIdx.x % 16;

    __device__ void add(const Tiles<PER>& tiles)
    {
        // Not all 16: the code of a large tile would leave the instruction cache.
#pragma unroll 4
        for (int k = 0; k < DEPTH; ++k) {
            real4 u[PER / 4], w[PER / 4];
#pragma unroll
            for (int e = 0; e < PER / 4; ++e) {
                u[e] = *reinterpret_cast<const real4*>(&tiles.a[k][spread(ty, 4 * e)]);
                w[e] = *reinterpret_cast<const real4*>(&tiles.b[k][spread(tx, 4 * e)]);
            }
#pragma unroll
            for (int i = 0; i < PER; ++i)
#pragma unroll
                for (int j = 0; j < PER; ++j) v[i][j] += u[i / 4].v[i % 4] * w[j / 4].v[j % 4];
        }
    }

    __device__ void add_column(const Tiles<PER>& tiles)
    {
        if (threadIdx.x < 16 * PER)
            for (int k = 0; k < DEPTH; ++k) column += tiles.b[k][threadIdx.x];
    }
};

// sums += a b over k in [k_begin, k_end) for the tile whose first element is (i0, j0).
template <
    bool with_columns = false, bool a_along_k, bool b_along_k, int PER, int PAD, typename TileSums>
__device__ void multiply(
    const Factor<a_along_k>& a, const Factor<b_along_k>& b, int i0, int j0, int k_begin, int k_end,
    Tiles<PER, PAD>& tiles, TileSums& sums)
{
    const bool a_vectors = a.vectors(), b_vectors = b.vectors();
    Slice<PER, a_along_k> next_a;
    Slice<PER, b_along_k> next_b;
    next_a.load(a, i0, k_begin, k_end, a_vectors);
    next_b.load(b, j0, k_begin, k_end, b_vectors);
    for (int k = k_begin; k < k_end; k += DEPTH) {
        next_a.store(tiles.a);
        next_b.store(tiles.b);
        __syncthreads();
        if (k + DEPTH < k_end) {
            next_a.load(a, i0, k + DEPTH, k_end, a_vectors);
            next_b.load(b, j0, k + DEPTH, k_end, b_vectors);
        }
        sums.add(tiles);
        if constexpr (with_columns)
            if (blockIdx.x == 0) sums.add_column(tiles);
        __syncthreads();
    }
}

// out (rows, columns) = finish(sum, column) for the elements that this thread holds.
template <int PER, typename Finish>
__device__ void write(
    const Sums<PER>& sums, real* out, int i0, int j0, int rows, int columns, Finish finish)
{
    const bool vectors = columns % 4 == 0 && aligned(out);
#pragma unroll
    for (int i = 0; i < PER; ++i)
#pragma unroll
        for (int j = 0; j < PER; j += 4) {
            const int row = i0 + spread(sums.ty, i), column = j0 + spread(sums.tx, j);
            if (row >= rows || column >= columns) continue;
            real* const place = out + size_t(row) * columns + column;
            real4 done = {};
#pragma unroll
            for (int e = 0; e < 4; ++e)
                if (column + e < columns) done.v[e] = finish(sums.v[i][j + e], column + e);
            if (vectors) {
                *reinterpret_cast<real4*>(place) = done;
            } else {
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    if (column + e < columns) place[e] = done.v[e];
            }
        }
}
