// mma.m16n8k8 with TF32 factors, by the layout of fragments that the PTX manual gives. Sums are cut
// off, not rounded, as tensor cores do (Fasi et al. 2021, https://doi.org/10.7717/peerj-cs.330).
#pragma once
#define TENSOR_CORES_EMULATED

inline float to_tf32(float x)
{
    const unsigned bits = __float_as_uint(x);
    return __uint_as_float((bits + 0x1000u) & 0xffffe000u);
}

inline float cut_off(double x)
{
    const float near = float(x);
    const bool beyond = x > 0 ? near > x : near < x;
    return beyond ? __uint_as_float(__float_as_uint(near) - 1) : near;
}

inline void mma_tf32(float (&sum)[4], const float (&a)[4], const float (&b)[2])
{
    struct Fragments { float a[4], b[2]; } mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, all[32];
    cuda_host::exchange_all(0xffffffffu, &mine, sizeof mine, all);
    const int g = cuda_host::lane() / 4, t = cuda_host::lane() % 4;
    for (int e = 0; e < 4; ++e) {
        const int row = e / 2, column = 2 * t + e % 2;
        double exact = sum[e];
        for (int k = 0; k < 8; ++k)
            exact += double(all[4 * g + k % 4].a[row + k / 4 * 2]) * all[4 * column + k % 4].b[k / 4];
        sum[e] = cut_off(exact);
    }
}
