/* Surviving LMDB's assertions: they end the process, unless they jump out of LMDB. Used by storage/partition
 * and storage/catalog alike. */
#ifndef TM_STORAGE_LMDB_GUARD_H
#define TM_STORAGE_LMDB_GUARD_H

#include <lmdb.h>

/* The result of a call in which LMDB failed an assertion. */
enum { LMDB_ASSERTION = -30999 };

typedef int lmdb_call(void *arg);

/* Runs a function that calls LMDB so that a failed assertion ends in LMDB_ASSERTION. What the function held
 * is not given back: transactions and cursors are lost, and the environment must be abandoned, never used or
 * closed. Any thread; not to be nested. */
int lmdb_guard(lmdb_call *call, void *arg);

/* Makes the assertions of an environment jump. Right after mdb_env_create. An LMDB result. */
int lmdb_guard_env(MDB_env *env);

/* Keeps a broken environment, transaction or cursor for ever: closing it could end the process. NULL:
 * nothing. Any thread. */
void lmdb_abandon(void *broken);

/* As mdb_strerror, and a text for LMDB_ASSERTION. */
const char *lmdb_text(int rc);

#endif
