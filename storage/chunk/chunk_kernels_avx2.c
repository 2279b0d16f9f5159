/* The same kernels for processors with AVX2 and BMI2, all of which have LZCNT. */
#include "storage/chunk/chunk_kernels.h"
#include "storage/chunk/chunk_pack.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi2,lzcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi2,lzcnt")
#endif

#include "storage/chunk/chunk_kernels_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const struct chunk_kernels *chunk_kernels_avx2(void)
{
    return &built;
}

#else

const struct chunk_kernels *chunk_kernels_avx2(void)
{
    return NULL;
}

#endif
