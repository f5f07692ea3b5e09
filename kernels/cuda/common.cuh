// What all kernels share. `real` is float or double, as the compiler's option -Dreal says; arrays are
// C-contiguous; sizes fit an int.

#define WARP 32
#define ALL_LANES 0xffffffffu

// Four neighbours in memory, read or written at once.
struct alignas(16) real4 { real v[4]; };

__device__ inline bool aligned(const void* p) { return (reinterpret_cast<size_t>(p) & 15) == 0; }

// max(z, 0), this way round so that NaN stays NaN and diverged training is seen.
__device__ inline real rectified(real z) { return z < 0 ? real(0) : z; }

__device__ inline int lane() { return threadIdx.x % WARP; }
