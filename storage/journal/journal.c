#include "storage/journal/journal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "storage/grow.h"
#include "storage/journal/journal_file.h"

enum {
    GROUP_MAX_BYTES = 8 << 20, /* a group is closed behind the record that passes this */
    ZSTD_LEVEL = 1,
    ZSTD_MIN_BYTES = 1024, /* below, starting the compressor costs more than the bytes do */
    SEGMENT_MIN_BYTES = 512,
    SEGMENT_STEPS = 8 /* room is reserved in so many */
};

struct item_list {
    struct journal_item *first;
    struct journal_item *last;
};

struct journal {
    struct journal_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t queued_cond;
    /* Under the mutex. */
    struct item_list queue;
    struct item_list done;
    uint64_t trim_lsn; /* the owner has trimmed up to here; 0: the thread has taken it */
    bool is_trimming;  /* the thread sees to it */
    bool stop;
    enum journal_state state;
    struct tm_why trouble;
    struct journal_stats stats;
    struct journal_segment_info *segments;
    size_t segment_count;
    size_t segment_capacity;
    /* The journal thread's own. */
    struct journal_file file;
    uint64_t next_lsn;
    uint64_t next_segment;
    struct bytes body;
    struct bytes group; /* whole records, ready to be written */
    ZSTD_CCtx *zstd;
};

static void append_list(struct item_list *to, struct item_list *from)
{
    if (!from->first)
        return;
    if (to->first)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    *from = (struct item_list){NULL, NULL};
}

static uint64_t read_mono_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- faults ---- */

static bool disk_is_full(const struct journal *journal, int code)
{
    if (code == ENOSPC || code == EDQUOT)
        return true;
    uint64_t free_bytes;
    const struct journal_io *io = journal->options.io;
    /* A full disk shows as EIO on some file systems. */
    return code == EIO && io->free_bytes(io->self, journal->options.folder, &free_bytes) == 0 &&
           free_bytes < 1u << 20;
}

static enum tm_err state_error(enum journal_state state)
{
    if (state == JOURNAL_WRITING)
        return TM_OK;
    return state == JOURNAL_NO_SPACE ? TM_NO_SPACE : TM_READ_ONLY;
}

/* Returns what the items that are concerned are answered. */
static enum tm_err enter_trouble(struct journal *journal, const struct journal_fault *fault, bool is_sync)
{
    bool full = disk_is_full(journal, fault->code);
    struct tm_why why;
    if (full)
        tm_fail(&why, TM_NO_SPACE,
                "the disk is full (%s in the journal): free some space, writing then resumes", fault->call);
    else if (is_sync)
        tm_fail(
            &why, TM_READ_ONLY,
            "%s in the journal failed: %s; nothing unsynced was acknowledged; check the disk, then restart",
            fault->call, strerror(fault->code));
    else
        tm_fail(&why, TM_READ_ONLY, "%s in the journal failed: %s; it is tried again every second",
                fault->call, strerror(fault->code));
    enum journal_state state = full ? JOURNAL_NO_SPACE : is_sync ? JOURNAL_BROKEN : JOURNAL_FAILED;
    pthread_mutex_lock(&journal->mutex);
    journal->state = state;
    journal->trouble = why;
    journal->stats.errors++;
    pthread_mutex_unlock(&journal->mutex);
    return state_error(state);
}

/* The file may hold records that will be answered as failed: cut them off before anyone is told. */
static void abandon_segment(struct journal *journal)
{
    if (journal_file_finish(&journal->file) == TM_OK)
        return;
    pthread_mutex_lock(&journal->mutex);
    journal->stats.errors++;
    pthread_mutex_unlock(&journal->mutex);
}

/* ---- segments ---- */

static enum tm_err note_segment(struct journal *journal, uint64_t number)
{
    pthread_mutex_lock(&journal->mutex);
    struct journal_segment_info *grown = grow_array(journal->segments, &journal->segment_capacity,
                                                    journal->segment_count + 1, sizeof *journal->segments);
    if (grown) {
        journal->segments = grown;
        grown[journal->segment_count++] = (struct journal_segment_info){
            .number = number, .first_lsn = journal->next_lsn, .bytes = (uint64_t)journal->file.reserved};
    }
    pthread_mutex_unlock(&journal->mutex);
    return grown ? TM_OK : TM_NOMEM;
}

/* The list tells what is on disk: more was reserved, or the segment ended. */
static void note_length(struct journal *journal, off_t bytes)
{
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = journal->segment_count; i-- > 0;) {
        if (journal->segments[i].number == journal->file.number)
            journal->segments[i].bytes = (uint64_t)bytes;
    }
    pthread_mutex_unlock(&journal->mutex);
}

static enum tm_err make_segment(struct journal *journal, struct journal_fault *fault)
{
    struct segment_header header = {.number = journal->next_segment++,
                                    .first_lsn = journal->next_lsn,
                                    .life = journal->options.life,
                                    .created_ms = journal->options.created_ms};
    enum tm_err err =
        journal_file_make(&journal->file, &header, journal->options.segment_bytes / SEGMENT_STEPS, fault);
    if (!err && note_segment(journal, header.number) != TM_OK) {
        *fault = (struct journal_fault){"making a segment", ENOMEM};
        err = TM_IO;
    }
    return err;
}

/* A segment with room. A full one is closed first; that it stays longer than need be is no fault. */
static enum tm_err ready_segment(struct journal *journal, struct journal_fault *fault)
{
    if (journal->file.fd >= 0 && (size_t)journal->file.durable < journal->options.segment_bytes)
        return TM_OK;
    if (journal->file.fd >= 0) {
        note_length(journal, journal->file.durable);
        if (journal_file_finish(&journal->file) != TM_OK) {
            *fault = (struct journal_fault){"closing a segment", EIO};
            return TM_IO;
        }
    }
    return make_segment(journal, fault);
}

/* ---- a group ---- */

/* Puts the body behind the group's last record, compressed if that is shorter. */
static enum tm_err add_record(struct journal *journal, uint64_t lsn, uint8_t kind)
{
    size_t raw = journal->body.len;
    size_t start = journal->group.len;
    size_t bound = ZSTD_compressBound(raw) + RECORD_HEADER_BYTES + RECORD_ALIGN_BYTES;
    if (!bytes_reserve(&journal->group, bound)) {
        journal->group.failed = false;
        return TM_NOMEM;
    }
    uint8_t *at = journal->group.data + start;
    uint8_t *to = at + RECORD_HEADER_BYTES;
    struct record record = {.lsn = lsn, .kind = kind, .raw_len = (uint32_t)raw};
    size_t packed = raw;
    if (raw >= ZSTD_MIN_BYTES)
        packed = ZSTD_compressCCtx(journal->zstd, to, bound, journal->body.data, raw, ZSTD_LEVEL);
    if (raw >= ZSTD_MIN_BYTES && !ZSTD_isError(packed) && packed < raw - raw / 16) {
        record.flags = RECORD_FLAG_ZSTD;
    } else {
        packed = raw;
        if (raw > 0)
            memcpy(to, journal->body.data, raw);
    }
    record.body = (struct str){(const char *)to, packed};
    record_seal(at, journal->file.number, &record);
    journal->group.len = start + record_bytes(packed);
    return TM_OK;
}

static enum tm_err encode_item(struct journal *journal, struct journal_item *item, uint64_t lsn)
{
    const struct journal_encoder *encoder = &journal->options.encoder;
    bytes_clear(&journal->body);
    struct record_place place = {journal->file.number, lsn, journal->next_lsn};
    enum tm_err err = encoder->encode(encoder->arg, item, &place, &journal->body);
    if (!err)
        err = bytes_error(&journal->body);
    if (!err && journal->body.len > RECORD_BODY_MAX_BYTES)
        err = TM_TOO_LARGE;
    if (!err)
        err = add_record(journal, lsn, item->kind);
    encoder->written(encoder->arg, err == TM_OK);
    item->result = err;
    item->lsn = err ? 0 : lsn;
    return err;
}

/* Moves items from waiting to group and encodes them, until the group is large enough. Returns how many
 * records it holds. */
static uint64_t encode_group(struct journal *journal, struct item_list *waiting, struct item_list *group)
{
    uint64_t records = 0;
    bytes_clear(&journal->group);
    while (waiting->first && journal->group.len < GROUP_MAX_BYTES) {
        struct journal_item *item = waiting->first;
        struct item_list one = {item, item};
        waiting->first = item->next;
        item->next = NULL;
        if (encode_item(journal, item, journal->next_lsn + records) == TM_OK)
            records++;
        append_list(group, &one);
    }
    return records;
}

/* Writes and syncs what encode_group made. */
static enum tm_err commit_group(struct journal *journal, uint64_t records)
{
    struct journal_fault fault = {NULL, 0};
    if (records == 0)
        return TM_OK;
    uint64_t started = 0;
    bool is_sync = false;
    enum tm_err err = journal_file_write(&journal->file, journal->group.data, journal->group.len, &fault);
    if (!err) {
        is_sync = true;
        started = read_mono_ns();
        err = journal_file_sync(&journal->file, journal->group.len, &fault);
    }
    if (err) {
        note_length(journal, journal->file.durable);
        abandon_segment(journal);
        return enter_trouble(journal, &fault, is_sync);
    }
    note_length(journal, journal->file.reserved);
    journal->next_lsn += records;
    pthread_mutex_lock(&journal->mutex);
    journal->stats.sync_ns += read_mono_ns() - started;
    journal->stats.syncs++;
    journal->stats.records += records;
    journal->stats.written_bytes += journal->group.len;
    journal->stats.durable_lsn = journal->next_lsn - 1;
    pthread_mutex_unlock(&journal->mutex);
    return TM_OK;
}

static void fail_items(struct item_list *list, enum tm_err err)
{
    for (struct journal_item *item = list->first; item; item = item->next) {
        item->lsn = 0;
        item->result = item->result ? item->result : err;
    }
}

/* Hands items back. After a fault everything that waits fails too: a later batch of a producer must not
 * settle before an earlier one that failed. */
static void hand_back(struct journal *journal, struct item_list *group, struct item_list *waiting,
                      enum tm_err err)
{
    pthread_mutex_lock(&journal->mutex);
    if (err) {
        append_list(waiting, &journal->queue);
        append_list(group, waiting);
        fail_items(group, err);
    }
    append_list(&journal->done, group);
    pthread_mutex_unlock(&journal->mutex);
    journal->options.wake(journal->options.wake_arg);
}

static void write_waiting(struct journal *journal, struct item_list *waiting)
{
    while (waiting->first) {
        struct item_list group = {NULL, NULL};
        struct journal_fault fault;
        enum tm_err err = ready_segment(journal, &fault);
        if (err) {
            abandon_segment(journal);
            err = enter_trouble(journal, &fault, false);
        } else {
            err = commit_group(journal, encode_group(journal, waiting, &group));
        }
        hand_back(journal, &group, waiting, err);
    }
}

/* ---- trimming ---- */

static enum tm_err remove_segment(struct journal *journal, uint64_t number)
{
    const struct journal_io *io = journal->options.io;
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    if (io->unlink(io->self, journal->options.folder, name) != 0 && errno != ENOENT)
        return TM_IO;
    return TM_OK;
}

/* Under the mutex. */
static enum tm_err trim_segments(struct journal *journal, uint64_t lsn)
{
    const struct journal_io *io = journal->options.io;
    enum tm_err err = TM_OK;
    while (!err && journal->segment_count > 1 && journal->segments[1].first_lsn <= lsn) {
        err = remove_segment(journal, journal->segments[0].number);
        /* Synced one by one, so that a power cut never leaves a gap between two that remain. */
        if (!err && io->sync_folder(io->self, journal->options.folder) != 0)
            err = TM_IO;
        if (!err) {
            journal->segment_count--;
            memmove(journal->segments, journal->segments + 1,
                    journal->segment_count * sizeof *journal->segments);
        }
    }
    return err;
}

/* If nothing in the segment being written is needed any more, a new one takes its place: a store at rest
 * keeps no journal, and does not replay one. What fails here fails again at the next group, and is told then.
 */
static void renew_segment(struct journal *journal, uint64_t lsn)
{
    struct journal_fault fault;
    if (journal->file.fd < 0 || journal->next_lsn > lsn || journal->file.durable <= SEGMENT_HEADER_BYTES)
        return;
    note_length(journal, journal->file.durable);
    if (journal_file_finish(&journal->file) != TM_OK || make_segment(journal, &fault) != TM_OK) {
        abandon_segment(journal);
        return;
    }
    pthread_mutex_lock(&journal->mutex);
    (void)!trim_segments(journal, lsn);
    pthread_mutex_unlock(&journal->mutex);
}

/* lsn 0: nothing is to be written now. */
static void see_to_trim(struct journal *journal, uint64_t lsn)
{
    if (lsn > 0)
        renew_segment(journal, lsn);
    pthread_mutex_lock(&journal->mutex);
    journal->is_trimming = false;
    pthread_mutex_unlock(&journal->mutex);
    journal->options.wake(journal->options.wake_arg);
}

bool journal_is_trimming(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    bool is_trimming = journal->is_trimming || journal->trim_lsn > 0;
    pthread_mutex_unlock(&journal->mutex);
    return is_trimming;
}

/* ---- the thread ---- */

static void *run_thread(void *arg)
{
    struct journal *journal = arg;
    bool stop = false;
    while (!stop) {
        struct item_list waiting = {NULL, NULL};
        pthread_mutex_lock(&journal->mutex);
        while (!journal->queue.first && !journal->stop && journal->trim_lsn == 0)
            pthread_cond_wait(&journal->queued_cond, &journal->mutex);
        append_list(&waiting, &journal->queue);
        uint64_t trim_lsn = journal->trim_lsn;
        journal->trim_lsn = 0;
        journal->is_trimming = trim_lsn > 0;
        bool is_writing = journal->state == JOURNAL_WRITING;
        stop = journal->stop && !waiting.first;
        pthread_mutex_unlock(&journal->mutex);
        if (trim_lsn > 0)
            see_to_trim(journal, is_writing && !stop ? trim_lsn : 0);
        write_waiting(journal, &waiting);
    }
    return NULL;
}

/* ---- the owner's side ---- */

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    pthread_cond_destroy(&journal->queued_cond);
    pthread_mutex_destroy(&journal->mutex);
    bytes_fini(&journal->body);
    bytes_fini(&journal->group);
    ZSTD_freeCCtx(journal->zstd);
    free(journal->segments);
    free(journal);
}

static struct journal *new_journal(const struct journal_options *options)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return NULL;
    journal->options = *options;
    journal->options.end = NULL;
    if (journal->options.segment_bytes < SEGMENT_MIN_BYTES)
        journal->options.segment_bytes = SEGMENT_MIN_BYTES;
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_cond_init(&journal->queued_cond, NULL);
    journal->file = (struct journal_file){.io = options->io, .folder = options->folder, .fd = -1};
    journal->next_lsn = options->end->next_lsn;
    journal->next_segment = options->end->next_segment;
    journal->stats.durable_lsn = journal->next_lsn - 1;
    journal->segment_count = options->end->segment_count;
    journal->segment_capacity = journal->segment_count + 16;
    journal->zstd = ZSTD_createCCtx();
    journal->segments = calloc(journal->segment_capacity, sizeof *journal->segments);
    if (!journal->zstd || !journal->segments) {
        journal_free(journal);
        return NULL;
    }
    if (journal->segment_count > 0)
        memcpy(journal->segments, options->end->segments, journal->segment_count * sizeof *journal->segments);
    return journal;
}

/* Drops from the list, and from the disk, the earlier segments that never held a record: the new one's header
 * says all that theirs did. One that can't be removed does no harm. */
static void remove_empty(struct journal *journal)
{
    size_t kept = 0;
    for (size_t i = 0; i < journal->segment_count; i++) {
        bool newest = i + 1 == journal->segment_count;
        if (!newest && journal->segments[i].empty &&
            remove_segment(journal, journal->segments[i].number) == TM_OK)
            continue;
        journal->segments[kept++] = journal->segments[i];
    }
    journal->segment_count = kept;
}

enum tm_err journal_open(const struct journal_options *options, struct journal **out, struct tm_why *why)
{
    struct journal *journal = new_journal(options);
    if (!journal)
        return tm_fail(why, TM_NOMEM, "out of memory while opening the journal");
    struct journal_fault fault;
    if (make_segment(journal, &fault) != TM_OK) {
        (void)enter_trouble(journal, &fault, false);
        if (journal->state != JOURNAL_NO_SPACE) {
            enum tm_err err = tm_fail(why, TM_IO, "%s in the journal failed: %s; check the disk and rights",
                                      fault.call, strerror(fault.code));
            journal_free(journal);
            return err;
        }
    } else {
        remove_empty(journal);
    }
    if (pthread_create(&journal->thread, NULL, run_thread, journal) != 0) {
        (void)!journal_file_finish(&journal->file);
        journal_free(journal);
        return tm_fail(why, TM_NOMEM, "the journal's thread can't be started: raise the limit on threads");
    }
    *out = journal;
    return TM_OK;
}

struct journal_item *journal_end(struct journal *journal)
{
    if (!journal)
        return NULL;
    pthread_mutex_lock(&journal->mutex);
    journal->stop = true;
    pthread_cond_signal(&journal->queued_cond);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->thread, NULL);
    abandon_segment(journal);
    return journal->done.first;
}

struct journal_item *journal_close(struct journal *journal)
{
    struct journal_item *rest = journal_end(journal);
    journal_free(journal);
    return rest;
}

enum tm_err journal_submit(struct journal *journal, struct journal_item *item)
{
    struct item_list one = {item, item};
    item->next = NULL;
    item->result = TM_OK;
    pthread_mutex_lock(&journal->mutex);
    enum tm_err err = state_error(journal->state);
    if (!err)
        append_list(&journal->queue, &one);
    pthread_mutex_unlock(&journal->mutex);
    pthread_cond_signal(&journal->queued_cond); /* without the mutex, or it would wake to wait for that */
    return err;
}

struct journal_item *journal_take_done(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    struct journal_item *first = journal->done.first;
    journal->done = (struct item_list){NULL, NULL};
    pthread_mutex_unlock(&journal->mutex);
    return first;
}

enum journal_state journal_state(struct journal *journal, struct tm_why *why)
{
    pthread_mutex_lock(&journal->mutex);
    enum journal_state state = journal->state;
    if (why)
        *why = journal->trouble;
    pthread_mutex_unlock(&journal->mutex);
    return state;
}

void journal_resume(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    if (journal->state != JOURNAL_BROKEN)
        journal->state = JOURNAL_WRITING;
    pthread_mutex_unlock(&journal->mutex);
}

enum tm_err journal_trim(struct journal *journal, uint64_t lsn)
{
    pthread_mutex_lock(&journal->mutex);
    enum tm_err err = trim_segments(journal, lsn);
    journal->trim_lsn = lsn;
    pthread_cond_signal(&journal->queued_cond);
    pthread_mutex_unlock(&journal->mutex);
    return err;
}

void journal_stats(struct journal *journal, struct journal_stats *out)
{
    pthread_mutex_lock(&journal->mutex);
    *out = journal->stats;
    out->segment_count = journal->segment_count;
    out->bytes = 0;
    for (size_t i = 0; i < journal->segment_count; i++)
        out->bytes += journal->segments[i].bytes;
    pthread_mutex_unlock(&journal->mutex);
}
