#include "storage/lmdb_guard.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stddef.h>

enum { ABANDONED = 64 };

/* Where a failed assertion of this thread goes on; set by lmdb_guard alone. */
static _Thread_local jmp_buf *jump_target;

/* What is never closed, kept findable for leak checkers and debuggers. */
static _Atomic(void *) abandoned[ABANDONED];

static void jump_out(MDB_env *env, const char *message)
{
    (void)env;
    (void)message;
    if (jump_target)
        longjmp(*jump_target, 1);
}

int lmdb_guard(lmdb_call *call, void *arg)
{
    jmp_buf here;
    if (setjmp(here) != 0) {
        jump_target = NULL;
        return LMDB_ASSERTION;
    }
    jump_target = &here;
    int rc = call(arg);
    jump_target = NULL;
    return rc;
}

int lmdb_guard_env(MDB_env *env)
{
    return mdb_env_set_assert(env, jump_out);
}

void lmdb_abandon(void *broken)
{
    for (size_t i = 0; i < ABANDONED && broken; i++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&abandoned[i], &none, broken))
            return;
    }
}

const char *lmdb_text(int rc)
{
    return rc == LMDB_ASSERTION ? "LMDB found an impossible page" : mdb_strerror(rc);
}
