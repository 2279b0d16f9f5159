/* A disk that can lose power: passes every call through to a real folder and writes it down, then makes the
 * folder as a power cut at some point could have left it. What was not synced is kept at random: whole
 * writes, single sectors, or nothing; entries of a folder that was not synced may be missing. */
#ifndef TM_TESTS_STORAGE_RECORDER_H
#define TM_TESTS_STORAGE_RECORDER_H

#include "tests/unit/storage/fixture.h"

enum { RECORDER_FILES_MAX = 512, RECORDER_FDS_MAX = 1024, SECTOR_BYTES = 512, RECORDER_NAME_BYTES = 64 };

enum op_kind {
    OP_CREATE,
    OP_UNLINK,
    OP_WRITE,
    OP_RESIZE,
    OP_SYNC,
    OP_SYNC_FOLDER,
    OP_ACK,  /* number was acknowledged */
    OP_FAIL, /* number was refused */
    OP_SENT
};

struct op {
    enum op_kind kind;
    int file; /* or the number of the batch */
    off_t at; /* of a write; the size of a resize */
    size_t len;
    uint8_t *data;
};

struct recorder {
    struct journal_io io;
    pthread_mutex_t mutex;
    struct op *ops;
    size_t count;
    size_t capacity;
    char names[RECORDER_FILES_MAX][RECORDER_NAME_BYTES]; /* relative to the data folder; "journal" is one */
    int file_count;
    int file_of_fd[RECORDER_FDS_MAX];
    const char *dir;
    bool is_dead;   /* the process was killed: nothing has an effect any more */
    long die_after; /* calls until then; negative: never */
    bool is_full;   /* writes fail with ENOSPC */
};

static inline void record_op(struct recorder *r, struct op op)
{
    r->ops = grow_array(r->ops, &r->capacity, r->count + 1, sizeof *r->ops);
    assert_non_null(r->ops);
    r->ops[r->count++] = op;
}

/* True if the call is to have an effect. */
static inline bool recorder_enter(struct recorder *r)
{
    pthread_mutex_lock(&r->mutex);
    if (r->die_after >= 0 && r->die_after-- == 0)
        r->is_dead = true;
    return !r->is_dead;
}

static inline void recorder_note(struct recorder *r, enum op_kind kind, int number)
{
    if (recorder_enter(r))
        record_op(r, (struct op){.kind = kind, .file = number});
    pthread_mutex_unlock(&r->mutex);
}

/* The path of name in the open folder, relative to the data folder. */
static inline void relative_name(const struct recorder *r, int folder, const char *name, char *out)
{
    char link[64], path[512];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t len = readlink(link, path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = '\0';
    const char *inside = path + strlen(r->dir);
    (void)snprintf(out, RECORDER_NAME_BYTES, "%s%s%s", *inside ? inside + 1 : "", *inside ? "/" : "", name);
}

static inline int add_file(struct recorder *r, const char *name)
{
    assert_true(r->file_count < RECORDER_FILES_MAX);
    (void)snprintf(r->names[r->file_count], RECORDER_NAME_BYTES, "%s", name);
    return r->file_count++;
}

static inline int newest_file(const struct recorder *r, const char *name)
{
    int file = r->file_count - 1;
    while (file >= 0 && strcmp(r->names[file], name) != 0)
        file--;
    return file;
}

static inline int recorder_open(void *self, int folder, const char *name, int flags, mode_t mode)
{
    struct recorder *r = self;
    char path[RECORDER_NAME_BYTES];
    bool alive = recorder_enter(r);
    relative_name(r, folder, name, path);
    bool exists = faccessat(folder, name, F_OK, 0) == 0;
    int fd = alive || exists ? openat(folder, name, flags, mode) : open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        assert_true(fd < RECORDER_FDS_MAX);
        if (alive && !exists)
            record_op(r, (struct op){.kind = OP_CREATE, .file = add_file(r, path)});
        r->file_of_fd[fd] = newest_file(r, path);
    }
    pthread_mutex_unlock(&r->mutex);
    return fd;
}

static inline int recorder_close(void *self, int fd)
{
    (void)self;
    return close(fd);
}

static inline int recorder_make_folder(void *self, int folder, const char *name, mode_t mode)
{
    struct recorder *r = self;
    if (folder == AT_FDCWD)
        return mkdir(name, mode); /* the data folder itself is taken to be there */
    char path[RECORDER_NAME_BYTES];
    bool alive = recorder_enter(r);
    int result = alive ? mkdirat(folder, name, mode) : 0;
    if (alive && result == 0) {
        relative_name(r, folder, name, path);
        record_op(r, (struct op){.kind = OP_CREATE, .file = add_file(r, path)});
    }
    pthread_mutex_unlock(&r->mutex);
    return result;
}

static inline int recorder_unlink(void *self, int folder, const char *name)
{
    struct recorder *r = self;
    char path[RECORDER_NAME_BYTES];
    int result = 0;
    if (recorder_enter(r)) {
        relative_name(r, folder, name, path);
        record_op(r, (struct op){.kind = OP_UNLINK, .file = newest_file(r, path)});
        result = unlinkat(folder, name, 0);
    }
    pthread_mutex_unlock(&r->mutex);
    return result;
}

static inline ssize_t recorder_pwrite(void *self, int fd, const void *data, size_t len, off_t at)
{
    struct recorder *r = self;
    ssize_t result = (ssize_t)len;
    bool alive = recorder_enter(r);
    size_t lands = r->is_full ? len / 2 : len;
    if (alive && lands > 0) {
        struct op op = {.kind = OP_WRITE, .file = r->file_of_fd[fd], .at = at, .len = lands};
        op.data = malloc(lands);
        assert_non_null(op.data);
        memcpy(op.data, data, lands);
        record_op(r, op);
        assert_int_equal(pwrite(fd, data, lands, at), lands);
    }
    if (alive && r->is_full) {
        errno = ENOSPC;
        result = -1;
    }
    pthread_mutex_unlock(&r->mutex);
    return result;
}

static inline int recorder_sync(void *self, int fd)
{
    struct recorder *r = self;
    if (recorder_enter(r))
        record_op(r, (struct op){.kind = OP_SYNC, .file = r->file_of_fd[fd]});
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

static inline int recorder_truncate(void *self, int fd, off_t len)
{
    struct recorder *r = self;
    int result = 0;
    if (recorder_enter(r)) {
        record_op(r, (struct op){.kind = OP_RESIZE, .file = r->file_of_fd[fd], .at = len});
        result = ftruncate(fd, len);
    }
    pthread_mutex_unlock(&r->mutex);
    return result;
}

static inline int recorder_sync_folder(void *self, int folder)
{
    struct recorder *r = self;
    char path[RECORDER_NAME_BYTES];
    if (recorder_enter(r)) {
        relative_name(r, folder, "", path);
        /* file 1: the journal; 0: the data folder */
        record_op(r, (struct op){.kind = OP_SYNC_FOLDER, .file = path[0] != '\0'});
    }
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

static inline int recorder_free_bytes(void *self, int folder, uint64_t *out)
{
    struct recorder *r = self;
    (void)folder;
    pthread_mutex_lock(&r->mutex);
    *out = r->is_full ? 0 : UINT64_C(1) << 40;
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

static inline struct recorder *recorder_new(const char *dir)
{
    struct recorder *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->io = (struct journal_io){r,
                                recorder_open,
                                recorder_close,
                                recorder_make_folder,
                                recorder_unlink,
                                recorder_pwrite,
                                recorder_sync,
                                recorder_truncate,
                                recorder_truncate,
                                recorder_sync_folder,
                                recorder_free_bytes};
    r->dir = dir;
    r->die_after = -1;
    pthread_mutex_init(&r->mutex, NULL);
    return r;
}

static inline void recorder_free(struct recorder *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->ops[i].data);
    free(r->ops);
    free(r);
}

/* ---- the power cut ---- */

struct image {
    uint8_t *data;
    size_t len;
    size_t capacity;
    bool is_linked; /* durably in its folder */
    bool exists;
    size_t *pending; /* ops since the last sync */
    size_t pending_count;
    size_t pending_capacity;
};

static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static inline void image_resize(struct image *image, size_t len)
{
    size_t before = image->len;
    image->data = grow_array(image->data, &image->capacity, len + 1, 1);
    assert_non_null(image->data);
    if (len > before)
        memset(image->data + before, 0, len - before);
    image->len = len;
}

static inline void image_write(struct image *image, const struct op *op, size_t from, size_t len)
{
    size_t end = (size_t)op->at + from + len;
    if (end > image->len)
        image_resize(image, end);
    memcpy(image->data + op->at + from, op->data + from, len);
}

static inline void image_apply(struct image *image, const struct op *op)
{
    if (op->kind == OP_RESIZE)
        image_resize(image, (size_t)op->at);
    else
        image_write(image, op, 0, op->len);
}

enum cut { CUT_NOTHING_KEPT, CUT_ALL_KEPT, CUT_WRITES, CUT_SECTORS, CUTS };

static inline void image_cut(struct image *image, const struct recorder *r, enum cut cut, uint64_t *random)
{
    for (size_t i = 0; i < image->pending_count; i++) {
        const struct op *op = &r->ops[image->pending[i]];
        if (cut == CUT_ALL_KEPT || (cut == CUT_WRITES && random_next(random) % 2)) {
            image_apply(image, op);
        } else if (cut == CUT_SECTORS && op->kind == OP_RESIZE && random_next(random) % 2) {
            image_apply(image, op);
        } else if (cut == CUT_SECTORS && op->kind == OP_WRITE) {
            for (size_t from = 0; from < op->len;) {
                size_t into = ((size_t)op->at + from) % SECTOR_BYTES;
                size_t len = SECTOR_BYTES - into < op->len - from ? SECTOR_BYTES - into : op->len - from;
                if (random_next(random) % 2)
                    image_write(image, op, from, len);
                from += len;
            }
        }
    }
}

static inline bool in_journal(const struct recorder *r, int file)
{
    return strncmp(r->names[file], "journal/", 8) == 0;
}

static inline void image_step(struct image *images, const struct recorder *r, size_t index)
{
    const struct op *op = &r->ops[index];
    if (op->kind == OP_CREATE || op->kind == OP_UNLINK) {
        images[op->file].exists = op->kind == OP_CREATE;
    } else if (op->kind == OP_WRITE || op->kind == OP_RESIZE) {
        struct image *image = &images[op->file];
        image->pending = grow_array(image->pending, &image->pending_capacity, image->pending_count + 1,
                                    sizeof *image->pending);
        assert_non_null(image->pending);
        image->pending[image->pending_count++] = index;
    } else if (op->kind == OP_SYNC) {
        struct image *image = &images[op->file];
        for (size_t i = 0; i < image->pending_count; i++)
            image_apply(image, &r->ops[image->pending[i]]);
        image->pending_count = 0;
    } else if (op->kind == OP_SYNC_FOLDER) {
        for (int i = 0; i < r->file_count; i++) {
            if (in_journal(r, i) == (op->file == 1))
                images[i].is_linked = images[i].exists;
        }
    }
}

static inline void write_image(const struct recorder *r, int file, const struct image *image, const char *dir)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, r->names[file]);
    if (strcmp(r->names[file], "journal") == 0) {
        assert_int_equal(mkdir(path, 0750), 0);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    assert_true(fd >= 0);
    if (image->len > 0)
        assert_int_equal(write(fd, image->data, image->len), image->len);
    close(fd);
}

/* Makes in dir what the first `upto` calls could have left when the power went. */
static inline void recorder_cut(const struct recorder *r, size_t upto, uint64_t seed, const char *dir)
{
    uint64_t random = seed * 2654435761u + 1;
    struct image *images = calloc((size_t)r->file_count + 1, sizeof *images);
    assert_non_null(images);
    for (size_t i = 0; i < upto; i++)
        image_step(images, r, i);
    enum cut cut = (enum cut)(random_next(&random) % CUTS);
    bool has_journal = false;
    for (int i = 0; i < r->file_count; i++) {
        bool linked = images[i].is_linked;
        if (linked != images[i].exists)
            linked = cut == CUT_ALL_KEPT ? images[i].exists : random_next(&random) % 2;
        if (linked && (has_journal || !in_journal(r, i))) {
            image_cut(&images[i], r, cut, &random);
            write_image(r, i, &images[i], dir);
            has_journal = has_journal || strcmp(r->names[i], "journal") == 0;
        }
        free(images[i].data);
        free(images[i].pending);
    }
    free(images);
}

#endif
