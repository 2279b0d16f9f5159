/* What the store's tests share: a folder of their own, a clock that stands until it is told, calls that fail
 * when told, and short ways to send and to look. */
#ifndef TM_TESTS_STORAGE_FIXTURE_H
#define TM_TESTS_STORAGE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/grow.h"
#include "storage/journal/journal_segment.h"
#include "storage/query.h"
#include "storage/store.h"
#include "storage/store_private.h"

#define EVERYTHING ((struct span){INT64_MIN, INT64_MAX})
#define WALL_START INT64_C(1764000000000)

/* ---- the folder ---- */

static inline char *folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/tidemark-test-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

static inline int folder_remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info, (void)kind, (void)ftw;
    return remove(path);
}

static inline void folder_remove(char *path)
{
    (void)nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

/* ---- the clock ---- */

struct still_clock {
    struct clock clock;
    time_ms_t wall_ms;
    int64_t mono_ns;
};

static inline time_ms_t still_wall(void *self)
{
    return __atomic_load_n(&((struct still_clock *)self)->wall_ms, __ATOMIC_RELAXED); /* any thread */
}

static inline int64_t still_mono(void *self)
{
    return __atomic_load_n(&((struct still_clock *)self)->mono_ns, __ATOMIC_RELAXED);
}

/* Time passes for every thread that looks. */
static inline void still_pass(struct still_clock *clock, int64_t ns)
{
    __atomic_fetch_add(&clock->wall_ms, ns / 1000000, __ATOMIC_RELAXED);
    __atomic_fetch_add(&clock->mono_ns, ns, __ATOMIC_RELAXED);
}

/* ---- calls that fail when told ---- */

enum call {
    CALL_OPEN,
    CALL_UNLINK,
    CALL_PWRITE,
    CALL_SYNC,
    CALL_ALLOCATE,
    CALL_TRUNCATE,
    CALL_FOLDER,
    CALLS
};

struct faulty_io {
    struct journal_io io;
    pthread_mutex_t mutex;
    int calls[CALLS];   /* how many there were */
    int fail_at[CALLS]; /* the n-th from now on fails, and those after if sticky; 0: none */
    int error[CALLS];   /* with this errno */
    bool sticky;
    bool short_writes; /* three bytes at a time, interrupted in between */
    bool hold_syncs;   /* they wait */
    pthread_cond_t held;
    int64_t free_bytes; /* -1: the system's */
    int countdown;      /* over all calls: at 0 the call fails once with any_error; negative: never */
    int any_error;
};

static inline bool faulty_check(struct faulty_io *faulty, enum call call)
{
    bool fails = false;
    pthread_mutex_lock(&faulty->mutex);
    faulty->calls[call]++;
    if (faulty->fail_at[call] > 0 && --faulty->fail_at[call] == 0) {
        fails = true;
        errno = faulty->error[call];
        if (faulty->sticky)
            faulty->fail_at[call] = 1;
    }
    if (faulty->countdown >= 0 && faulty->countdown-- == 0) {
        fails = true;
        errno = faulty->any_error;
    }
    int code = errno;
    pthread_mutex_unlock(&faulty->mutex);
    errno = code;
    return fails;
}

static inline int faulty_open(void *self, int folder, const char *name, int flags, mode_t mode)
{
    return faulty_check(self, CALL_OPEN) ? -1 : openat(folder, name, flags, mode);
}

static inline int faulty_close(void *self, int fd)
{
    (void)self;
    return close(fd);
}

static inline int faulty_make_folder(void *self, int folder, const char *name, mode_t mode)
{
    (void)self;
    return mkdirat(folder, name, mode);
}

static inline int faulty_unlink(void *self, int folder, const char *name)
{
    return faulty_check(self, CALL_UNLINK) ? -1 : unlinkat(folder, name, 0);
}

static inline ssize_t faulty_pwrite(void *self, int fd, const void *data, size_t len, off_t at)
{
    struct faulty_io *faulty = self;
    bool fails = faulty_check(self, CALL_PWRITE);
    int code = errno;
    if (fails && len > 100)
        (void)!pwrite(fd, data, len - 40, at); /* some of it lands all the same */
    errno = code;
    if (fails)
        return -1;
    if (!faulty->short_writes)
        return pwrite(fd, data, len, at);
    if (at % 2 == 1) {
        ssize_t wrote = pwrite(fd, data, len < 3 ? len : 3, at);
        return wrote;
    }
    if (faulty->calls[CALL_PWRITE] % 5 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, data, 1, at);
}

static inline int faulty_sync(void *self, int fd)
{
    struct faulty_io *faulty = self;
    (void)fd; /* the tests don't cut the power: no need to wait for the disk */
    if (faulty_check(self, CALL_SYNC))
        return -1;
    pthread_mutex_lock(&faulty->mutex);
    while (faulty->hold_syncs)
        pthread_cond_wait(&faulty->held, &faulty->mutex);
    pthread_mutex_unlock(&faulty->mutex);
    return 0;
}

static inline int faulty_allocate(void *self, int fd, off_t len)
{
    return faulty_check(self, CALL_ALLOCATE) ? -1 : ftruncate(fd, len);
}

static inline int faulty_truncate(void *self, int fd, off_t len)
{
    return faulty_check(self, CALL_TRUNCATE) ? -1 : ftruncate(fd, len);
}

static inline int faulty_sync_folder(void *self, int folder)
{
    (void)folder;
    return faulty_check(self, CALL_FOLDER) ? -1 : 0;
}

static inline int faulty_free_bytes(void *self, int folder, uint64_t *out)
{
    struct faulty_io *faulty = self;
    pthread_mutex_lock(&faulty->mutex);
    int64_t set = faulty->free_bytes;
    pthread_mutex_unlock(&faulty->mutex);
    if (set < 0)
        return journal_io_system()->free_bytes(NULL, folder, out);
    *out = (uint64_t)set;
    return 0;
}

static inline void faulty_init(struct faulty_io *faulty)
{
    *faulty = (struct faulty_io){
        .io = {faulty, faulty_open, faulty_close, faulty_make_folder, faulty_unlink, faulty_pwrite,
               faulty_sync, faulty_allocate, faulty_truncate, faulty_sync_folder, faulty_free_bytes},
        .free_bytes = INT64_C(100) << 30,
        .countdown = -1,
    };
    pthread_mutex_init(&faulty->mutex, NULL);
    pthread_cond_init(&faulty->held, NULL);
}

static inline void faulty_fail(struct faulty_io *faulty, enum call call, int nth, int error)
{
    pthread_mutex_lock(&faulty->mutex);
    faulty->fail_at[call] = nth;
    faulty->error[call] = error;
    pthread_mutex_unlock(&faulty->mutex);
}

static inline void faulty_hold(struct faulty_io *faulty, bool hold)
{
    pthread_mutex_lock(&faulty->mutex);
    faulty->hold_syncs = hold;
    pthread_cond_broadcast(&faulty->held);
    pthread_mutex_unlock(&faulty->mutex);
}

static inline int faulty_calls(struct faulty_io *faulty, enum call call)
{
    pthread_mutex_lock(&faulty->mutex);
    int calls = faulty->calls[call];
    pthread_mutex_unlock(&faulty->mutex);
    return calls;
}

static inline void faulty_set_free(struct faulty_io *faulty, int64_t bytes)
{
    pthread_mutex_lock(&faulty->mutex);
    faulty->free_bytes = bytes;
    pthread_mutex_unlock(&faulty->mutex);
}

/* ---- the store under test ---- */

enum { LOG_TEXT_BYTES = 1 << 16 };

struct fixture {
    char *dir;
    struct still_clock clock;
    struct faulty_io faulty;
    struct store_options options;
    struct store *store;
    char log[LOG_TEXT_BYTES]; /* "id: text" lines */
    size_t log_len;
    struct tm_why why;
};

static inline void fixture_log(void *arg, int level, const char *id, const char *text)
{
    struct fixture *f = arg;
    (void)level;
    int wrote = snprintf(f->log + f->log_len, sizeof f->log - f->log_len, "%s: %s\n", id, text);
    if (wrote > 0 && f->log_len + (size_t)wrote < sizeof f->log)
        f->log_len += (size_t)wrote;
}

static inline struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->dir = folder_make();
    f->clock = (struct still_clock){{&f->clock, still_wall, still_mono}, WALL_START, 1};
    faulty_init(&f->faulty);
    f->options = (struct store_options){
        .dir = f->dir, .clock = &f->clock.clock, .log = fixture_log, .log_arg = f, .segment_bytes = 1 << 20};
    return f;
}

static inline enum tm_err fixture_try_open(struct fixture *f)
{
    return store_open_io(&f->options, &f->faulty.io, &f->store, &f->why);
}

static inline void fixture_open(struct fixture *f)
{
    enum tm_err err = fixture_try_open(f);
    if (err)
        print_error("open: %s\n", f->why.text);
    assert_int_equal(err, TM_OK);
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    folder_remove(f->dir);
    free(f);
    return 0;
}

/* ---- sending ---- */

struct answer {
    int calls;
    enum tm_err err;
};

static inline void answer_done(void *arg, enum tm_err err)
{
    struct answer *answer = arg;
    answer->calls++;
    answer->err = err;
}

static inline struct series_hash hash_of(const char *name)
{
    uint64_t low = 14695981039346656037u;
    for (const char *c = name; *c; c++)
        low = (low ^ (uint8_t)*c) * 1099511628211u;
    return (struct series_hash){low, low * 0x9e3779b97f4a7c15u};
}

/* The series of that name, owned by service, for use in batch. */
static inline enum tm_err series_try(struct store *store, struct batch *batch, const char *name,
                                     const char *service, series_id *id, struct tm_why *why)
{
    struct labels labels = {0};
    *id = store_series_find(store, hash_of(name));
    if (*id)
        return TM_OK;
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), str_of(name)), TM_OK);
    assert_int_equal(labels_add(&labels, STR("service"), str_of(service)), TM_OK);
    return store_series_intern(store, batch, hash_of(name), &labels, str_of(service), id, why);
}

static inline void put(struct store *store, struct batch *batch, const char *name, time_ms_t time,
                       double value)
{
    series_id id;
    struct tm_why why;
    assert_int_equal(series_try(store, batch, name, "shop", &id, &why), TM_OK);
    assert_int_equal(store_batch_sample(batch, id, time, number_of_double(value)), TM_OK);
}

static inline struct batch *one_sample(struct store *store, const char *name, time_ms_t time, double value)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    put(store, batch, name, time, value);
    return batch;
}

static inline struct producer_mark mark_of(const char *producer, uint64_t epoch, uint64_t seq)
{
    return (struct producer_mark){str_of(producer), epoch, seq, seq * 1000 + epoch};
}

static inline void wait_answer(struct store *store, const struct answer *answer)
{
    const struct timespec nap = {0, 200000};
    for (int i = 0; i < 50000 && answer->calls == 0; i++) {
        store_poll(store);
        if (answer->calls == 0)
            nanosleep(&nap, NULL);
    }
    assert_int_equal(answer->calls, 1);
}

static inline enum tm_err send_batch(struct store *store, struct batch *batch,
                                     const struct producer_mark *mark)
{
    struct answer answer = {0, TM_OK};
    enum tm_err err = store_submit(store, &batch, mark, answer_done, &answer);
    if (err) {
        store_batch_drop(store, batch);
        return err;
    }
    assert_null(batch);
    wait_answer(store, &answer);
    return answer.err;
}

static inline enum tm_err send_one(struct store *store, const char *name, time_ms_t time, double value)
{
    return send_batch(store, one_sample(store, name, time, value), NULL);
}

/* ---- looking ---- */

struct search {
    struct str name;
    uint32_t found;
    size_t count;
};

static inline bool search_one(void *arg, uint32_t series, struct str encoded)
{
    struct search *search = arg;
    struct labels labels;
    assert_int_equal(labels_decode(encoded, &labels), TM_OK);
    search->count++;
    if (str_equal(labels_get(&labels, STR(LABEL_NAME)), search->name))
        search->found = series;
    return true;
}

static inline size_t read_in(struct reader *reader, const char *name, const time_ms_t **times,
                             const double **values)
{
    struct search search = {.name = str_of(name)};
    size_t count = 0;
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    if (search.found)
        assert_int_equal(reader_samples(reader, search.found, EVERYTHING, times, values, &count), TM_OK);
    return count;
}

/* How many samples the named series has; *last is the value of the newest. */
static inline size_t count_in(struct reader *reader, const char *name, double *last)
{
    const time_ms_t *times;
    const double *values;
    size_t count = read_in(reader, name, &times, &values);
    if (count > 0 && last)
        *last = values[count - 1];
    return count;
}

static inline size_t count_of(struct store *store, const char *name)
{
    struct reader *reader = reader_of_store(store);
    assert_non_null(reader);
    size_t count = count_in(reader, name, NULL);
    reader_close(reader);
    return count;
}

static inline double last_of(struct store *store, const char *name)
{
    double last = -1;
    struct reader *reader = reader_of_store(store);
    assert_non_null(reader);
    assert_true(count_in(reader, name, &last) > 0);
    reader_close(reader);
    return last;
}

static inline struct store_stats stats_of(const struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats;
}

/* ---- files ---- */

static inline void segment_path(const struct fixture *f, uint64_t number, char *path, size_t size)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    (void)snprintf(path, size, "%s/journal/%s", f->dir, name);
}

static inline size_t segments_of(const struct fixture *f, uint64_t **numbers)
{
    char path[512];
    size_t count;
    (void)snprintf(path, sizeof path, "%s/journal", f->dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(segment_list(fd, numbers, &count), TM_OK);
    close(fd);
    return count;
}

static inline size_t segment_count_of(const struct fixture *f)
{
    uint64_t *numbers;
    size_t count = segments_of(f, &numbers);
    free(numbers);
    return count;
}

static inline uint64_t newest_segment(const struct fixture *f)
{
    uint64_t *numbers;
    size_t count = segments_of(f, &numbers);
    assert_true(count > 0);
    uint64_t newest = numbers[count - 1];
    free(numbers);
    return newest;
}

/* Turns one bit of a segment. */
static inline void flip_bit(const struct fixture *f, uint64_t segment, off_t at)
{
    char path[512];
    uint8_t byte;
    segment_path(f, segment, path, sizeof path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static inline off_t segment_size(const struct fixture *f, uint64_t segment)
{
    char path[512];
    struct stat info;
    segment_path(f, segment, path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

#endif
