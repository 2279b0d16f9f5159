/* Batches that wait on disk: a bounded queue of files in a folder, oldest first.
 *
 * One file per batch, named EPOCH-SEQ.batch, both in 20 digits, so that names sort as batches must be sent. A
 * file is written beside its name, synced, renamed, and the folder synced: a crash leaves the whole batch or
 * nothing. Each file carries its name's numbers, its producer and a checksum over everything. The file
 * `state` keeps the highest epoch ever used here; it is locked while the spool is open.
 *
 * A file that fails its checksum is renamed to .bad, one the daemon refused for good to .refused: both stay
 * for a person to look at, and count no more. The newest SPOOL_ASIDE_MAX of them are kept. */
#ifndef TM_CLIENT_SPOOL_H
#define TM_CLIENT_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "server/client/message.h"

enum { SPOOL_FILES_MAX = 1000000, SPOOL_ASIDE_MAX = 64 };

struct spool;

/* Opens the folder (made if absent, its parent must exist) and locks it. *out is NULL on failure. TM_BUSY:
 * another process has it. TM_IO, TM_NOMEM. */
enum tm_err spool_open(const char *folder, size_t max_bytes, struct spool **out,
                       struct tm_why *why) TM_MUST_CHECK;
/* Unlocks and frees; files stay. NULL is allowed. */
void spool_close(struct spool *spool);

/* Takes an epoch that is above every one used in this folder and at least now_ms, and notes it on disk before
 * it is used. TM_IO. */
enum tm_err spool_take_epoch(struct spool *spool, uint64_t now_ms, uint64_t *epoch,
                             struct tm_why *why) TM_MUST_CHECK;

/* Appends a batch; its (epoch, seq) must be above all in the queue. TM_OK means it is on disk. TM_LIMIT: no
 * room (max_bytes), TM_NO_SPACE: disk full, TM_IO, TM_NOMEM: then nothing was kept. */
enum tm_err spool_put(struct spool *spool, const struct message *message, struct tm_why *why) TM_MUST_CHECK;

/* Reads the oldest batch. Views in *out point into file (cleared first). A damaged file is set aside and the
 * next one read. TM_NOT_FOUND: empty. TM_IO: cannot be read now. TM_NOMEM. */
enum tm_err spool_oldest(struct spool *spool, struct bytes *file, struct message *out,
                         struct tm_why *why) TM_MUST_CHECK;
/* Removes the oldest batch: it is settled. */
void spool_remove_oldest(struct spool *spool);
/* Renames the oldest batch to .refused. */
void spool_refuse_oldest(struct spool *spool);

/* Batches in the queue, the one being sent included. */
size_t spool_count(const struct spool *spool);

/* What their files take, which max_bytes bounds. */
size_t spool_bytes(const struct spool *spool);
/* Damaged files met since the spool was opened. */
size_t spool_damaged_count(const struct spool *spool);

/* Appends a batch as a file's content, with its checksum. For the spool and its tests. */
void spool_encode(const struct message *message, struct bytes *out);

/* Reads it; views point into file. TM_CORRUPT: the checksum, the form or a length is wrong. */
enum tm_err spool_decode(struct str file, struct message *out) TM_MUST_CHECK;

#endif
