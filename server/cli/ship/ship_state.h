/* What a shipper of logs knows on disk: how far each file is read, and the batch that was sent last. */
#ifndef TM_CLI_SHIP_STATE_H
#define TM_CLI_SHIP_STATE_H

#include <stdbool.h>

#include "server/cli/ship/ship_id.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum {
    SHIP_LOGS_MAX = 256,
    SHIP_FOLDER_MAX = 1024, /* files looked at in a log's folder */
    SHIP_KEPT_MAX = 32,     /* files of a log that are remembered as long as it lasts */
    SHIP_FILES_MAX =
        SHIP_FOLDER_MAX + 128, /* all of the folder, and more than may be in use and gone from it */
    SHIP_TAIL_BYTES = 1024,
    SHIP_PRODUCER_BYTES = 129
};

/* How far a file is read. It is known again by how it begins and by what stands before that place, under
 * whatever name, packed or not; the id only says where to look first. */
struct ship_place {
    struct ship_id id;
    uint64_t offset;    /* bytes taken, of the content if it is packed */
    uint64_t line;      /* lines taken */
    uint64_t tail_hash; /* XXH3 of the tail_len bytes before the offset */
    uint32_t tail_len;  /* the less of offset and SHIP_TAIL_BYTES */
    uint32_t head_len;  /* the same; 0: not known */
    uint64_t head_hash; /* XXH3 of its first head_len bytes */
    int64_t mtime_ns;   /* when it is done: the file's then; 0: not known */
    bool is_read;       /* read to its end after it was rotated away: what may be missing was written late */
    bool is_done;       /* that, and it is not waited for any more */
};

/* A log: the file under its name and those that had the name before, oldest first. */
struct ship_log_state {
    char *name;               /* absolute; owned */
    int64_t watermark_ns;     /* rotated files written last before that are none of ours, or forgotten */
    struct ship_place *files; /* at most SHIP_FILES_MAX; owned */
    size_t file_count;
};

struct ship_state {
    char producer[SHIP_PRODUCER_BYTES];
    uint64_t epoch;
    uint64_t seq;       /* of the batch; 0: none was sent yet */
    bool is_packed;     /* the batch goes zstd-compressed; its bytes on the wire must stay the same */
    struct bytes batch; /* its lines; the places are those behind it. Empty: it is settled */
    struct ship_log_state *logs;
    size_t log_count;
};

/* Appends the state as a file's content. Errors stay in out. */
void ship_state_encode(const struct ship_state *state, struct bytes *out);

/* The opposite; *out is zero-initialised before. TM_CORRUPT with what is wrong; TM_NOMEM. ship_state_fini in
 * any case. */
enum tm_err ship_state_decode(struct str file, struct ship_state *out, struct tm_why *why) TM_MUST_CHECK;

/* Frees names, logs and the batch; zeroed then. */
void ship_state_fini(struct ship_state *state);

/* Room for so many files in the log's entry. TM_NOMEM: it is as it was. */
enum tm_err ship_state_reserve(struct ship_log_state *log, size_t file_count,
                               struct tm_why *why) TM_MUST_CHECK;

/* The log of this absolute name, made if it is not there. NULL: too many of them, or no memory; why says so.
 * Valid until the next call. */
struct ship_log_state *ship_state_log(struct ship_state *state, const char *name, struct tm_why *why);

/* ---- on disk ---- */

/* Keeps other shippers off the state: *lock_fd, to be closed at the end. TM_BUSY, TM_IO. */
enum tm_err ship_state_lock(const char *path, int *lock_fd, struct tm_why *why) TM_MUST_CHECK;

/* TM_NOT_FOUND: there is none yet. TM_CORRUPT, TM_IO, TM_NOMEM. */
enum tm_err ship_state_load(const char *path, struct ship_state *out, struct tm_why *why) TM_MUST_CHECK;

/* Puts the state in the place of the former as a whole, and returns when it is on the disk. TM_IO,
 * TM_NO_SPACE, TM_NOMEM: the former stands. */
enum tm_err ship_state_save(const char *path, const struct ship_state *state,
                            struct tm_why *why) TM_MUST_CHECK;

#endif
