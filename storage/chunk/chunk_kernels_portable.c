/* The kernels for any processor, and the choice between the builds. */
#include "storage/chunk/chunk_kernels_body.h"

const struct chunk_kernels *chunk_kernels_portable(void)
{
    return &built;
}

const struct chunk_kernels *chunk_kernels_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        return chunk_kernels_avx2();
#endif
    return &built;
}
