// What the text of CuPy's elementwise kernels is written against: raw arrays, the loop's index.
#pragma once

using ptrdiff_t = long;
static_assert(sizeof(ptrdiff_t) == 8, "");

// A raw parameter: C-contiguous, taken by a flat index. `at` has its size and shape; an index beyond
// it is noted in `fault` as the parameter's number and the index.
template <typename T>
struct RawArray {
    T* data;
    const ptrdiff_t* at;
    ptrdiff_t number, *fault;

    T& operator[](ptrdiff_t i) const
    {
        if (i >= 0 && i < size()) return data[i];
        fault[0] = number;
        fault[1] = i;
        return *data;
    }
    ptrdiff_t size() const { return at[0]; }
    const ptrdiff_t* shape() const { return at + 1; }
};

struct Indexer {
    ptrdiff_t count;
    ptrdiff_t size() const { return count; }
};

// Where an array has its element for element i of the loop. `at` is 0 where they are the same, else
// the number of dimensions, then length and stride of each, the last first.
inline ptrdiff_t place(const ptrdiff_t* at, ptrdiff_t i)
{
    if (*at == 0) return i;
    ptrdiff_t found = 0;
    for (const ptrdiff_t *d = at + 1, *end = d + 2 * *at; d < end; d += 2) {
        found += i % d[0] * d[1];
        i /= d[0];
    }
    return found;
}
