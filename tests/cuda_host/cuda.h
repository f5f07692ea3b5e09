// The words of CUDA for g++: an unedited .cu file behind this header runs on a CPU.
//
// Blocks run one after another. The threads of a block are fibers (runtime.cpp); they switch only
// where they wait (barriers, shuffles) or end. What is shared is filled with bytes 0xff before each
// block: NaN, -1. Not here: dynamic shared memory, textures, cooperative groups, inline PTX.
// Nothing is included, so that a kernel compiles in a fraction of a second.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static __attribute__((section("cuda_shared")))
#define __launch_bounds__(...)
#define __ldcg(p) (*(p))
#define __ldg(p) (*(p))
#define __threadfence() ((void)0)
#define __syncthreads() cuda_host::wait_for_block(__FILE__, __LINE__)
#define __syncwarp() cuda_host::wait_for_warp(0xffffffffu)

using size_t = decltype(sizeof 0);

inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }

struct dim3 { unsigned x = 1, y = 1, z = 1; };
struct uchar4 { unsigned char x, y, z, w; };
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_host {

void wait_for_block(const char* file, int line);
void wait_for_warp(unsigned mask);
int lane();
// Leaves 8 bytes for the warp, waits for it, and takes those that the lane `source` left.
unsigned long long exchange(unsigned mask, unsigned long long bits, int source);
// Leaves up to 32 bytes for the warp, waits for it, and takes what every lane left.
void exchange_all(unsigned mask, const void* mine, int bytes, void* all);
const char* launch(
    void (*kernel)(void**), const unsigned* grid, const unsigned* block, void** values, unsigned order);

template <typename T>
T shuffle(unsigned mask, T value, int source)
{
    static_assert(sizeof(T) <= 8, "");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, source);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

template <unsigned...>
struct Places {};

template <typename... A, unsigned... I>
void unpack(void (*kernel)(A...), void** values, Places<I...>)
{
    kernel(*static_cast<A*>(values[I])...);
}

template <typename... A>
void call(void (*kernel)(A...), void** values)
{
    unpack(kernel, values, Places<__integer_pack(sizeof...(A))...>());
}

// The bytes of each argument, to be held against what is passed.
template <typename... A>
const int* sizes(void (*)(A...))
{
    static const int bytes[] = {int(sizeof(A))..., 0};
    return bytes;
}

}  // namespace cuda_host

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes)
{
    return cuda_host::shuffle(mask, value, cuda_host::lane() ^ lanes);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes)
{
    return cuda_host::shuffle(mask, value, cuda_host::lane() + int(lanes));
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane)
{
    return cuda_host::shuffle(mask, value, lane);
}

inline int atomicAdd(int* place, int value)
{
    const int before = *place;
    *place += value;
    return before;
}

// One exported launcher a kernel; build.py writes a line for each that it finds.
#define CUDA_HOST_KERNEL(name)                                                                  \
    extern "C" __attribute__((visibility("default"))) const char* launch_##name(                \
        const unsigned* grid, const unsigned* block, void** values, unsigned order)             \
    {                                                                                           \
        return cuda_host::launch(                                                               \
            [](void** arguments) { cuda_host::call(name, arguments); }, grid, block, values,    \
            order);                                                                             \
    }                                                                                           \
    extern "C" __attribute__((visibility("default"))) const int* sizes_##name()                 \
    {                                                                                           \
        return cuda_host::sizes(name);                                                          \
    }
