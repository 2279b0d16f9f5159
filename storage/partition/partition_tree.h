/* The pages of an environment that is still written, read from its file and checked before LMDB walks them:
 * it trusts every page, so that a flipped bit could hide keys or end the process. Such a partition has no
 * hashes of pages; what is compared instead is the tree with itself and each window with its entry. Private
 * to storage/partition*.c. */
#ifndef TM_STORAGE_PARTITION_TREE_H
#define TM_STORAGE_PARTITION_TREE_H

#include "storage/partition/partition.h"

/* Both meta pages, the free list, and the tables of names, windows and meta of data.mdb at path: all but the
 * chunks. Another process may write meanwhile. TM_CORRUPT, TM_IO, TM_NOMEM, TM_NOT_FOUND. Any thread. */
enum tm_err tree_check_tables(const char *path, struct tm_why *why) TM_MUST_CHECK;

/* All pages that lead to the chunks of a window, and to the first chunk behind them; that each of its keys
 * can be found; that keys and lengths are those of its entry. fd: of data.mdb. Reads the window's leaf pages
 * once: about 10 ms for 100,000 chunks if they are in memory. Somebody may write other windows meanwhile.
 * Errors as tree_check_tables. Any thread. */
enum tm_err tree_check_window(int fd, const struct partition_window *window,
                              struct tm_why *why) TM_MUST_CHECK;

#endif
