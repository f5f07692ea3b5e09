// dense_backward in two launches: dw with db, then dx; g = grad masked by ReLU is never written.
// Expect: the time of the two products; mask and bias gradient read nothing that is not there anyway.
constexpr int SUMS = 4;
#include "dense_backward.cuh"
