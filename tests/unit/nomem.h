/* Allocations that fail when told, in the thread that tells it: glibc's own allocator behind a countdown.
 * Under a sanitizer, which brings its own, there is nothing to fail, and only CAN_FAIL is defined. With
 * NOMEM_SPARED(caller) defined before it, what holds for the address of the caller does not fail. (The
 * store's tests have storage/nomem.h, for any thread.) */
#ifndef TM_TESTS_NOMEM_H
#define TM_TESTS_NOMEM_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
#endif

#if CAN_FAIL
#define EXPORTED __attribute__((visibility("default"), noinline))
#ifndef NOMEM_SPARED
#define NOMEM_SPARED(caller) ((void)(caller), false)
#endif

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *old, size_t size);
EXPORTED void free(void *block);

static _Thread_local long countdown = -1; /* allocations until one fails; below 0: none does */
static _Thread_local long failed;         /* how many did */
static _Thread_local long live;           /* blocks allocated and not freed */

static inline bool must_fail(const void *caller)
{
    if (countdown < 0 || NOMEM_SPARED(caller) || countdown-- > 0)
        return false;
    failed++;
    return true;
}

static inline void *count_block(void *block)
{
    live += block != NULL;
    return block;
}

EXPORTED void *malloc(size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : count_block(__libc_malloc(size));
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : count_block(__libc_calloc(count, size));
}

EXPORTED void *realloc(void *old, size_t size)
{
    if (must_fail(__builtin_return_address(0)))
        return NULL;
    void *block = __libc_realloc(old, size);
    live += !old && block;
    return block;
}

EXPORTED void free(void *block)
{
    live -= block != NULL;
    __libc_free(block);
}

#endif
#endif
