// dense_backward by tiles of 128 x 128: what rung 7 is to rung 6 of dense. For float.
// Expect: 1.3x over tiles of 64 x 64 from batch 8192 on.
constexpr int SUMS = 8;
#include "dense_backward.cuh"
