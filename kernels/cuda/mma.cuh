// Products on tensor cores: a warp multiplies 16 x 8 by 8 x 8 with factors in TF32, 10 bits behind
// the point, and sums in float. Who has no tensor cores brings functions of these names.
#include "common.cuh"

#ifndef TENSOR_CORES_EMULATED

// Nearest TF32 number, ties away from zero.
__device__ inline float to_tf32(float x)
{
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
}

// sum += a b. With g = lane / 4 and t = lane % 4, this lane holds
//   a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)     b: (t, g), (t + 4, g)
//   sum: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
// as the PTX manual lays out mma.m16n8k8.
__device__ inline void mma_tf32(float (&sum)[4], const float (&a)[4], const float (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

#endif
