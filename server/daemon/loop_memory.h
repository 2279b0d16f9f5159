/* A reserve for libuv, which ends the process when there is no memory for its tables. */
#ifndef TM_LOOP_MEMORY_H
#define TM_LOOP_MEMORY_H

/* Gives libuv a small reserve to fall back on when malloc fails. Before any other call of libuv; from then on
 * libuv allocates on the loop's thread only. */
void loop_memory_install(void);

#endif
