#include "storage/check/check.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "storage/catalog/catalog_place.h"
#include "storage/check/check_child.h"
#include "storage/folder.h"
#include "storage/grow.h"
#include "storage/journal/journal_segment.h"
#include "storage/partition/partition_files.h"

enum { TRIES = 8, PAUSE_MS = 100, PLACE_BYTES = PARTITION_NAME_BYTES + 64 };

/* A folder in one of the tiers. */
struct found {
    struct partition_id id;
    bool is_aside; /* quarantined */
    char place[PLACE_BYTES];
};

struct checking {
    const struct check_options *options;
    struct check_result *result;
    struct folder folder;
    struct check_shared *shared;
    struct check_outcome *outcome;
    struct found *found;
    size_t count;
    size_t capacity;
    uint64_t all_bytes;
    uint64_t before_bytes; /* files that are done */
    const char *place;
    struct check_totals index;
    bool has_index;
};

/* ---- telling ---- */

static void tell(struct checking *c, enum check_kind kind, const char *place, const char *text)
{
    c->result->damages += kind == CHECK_DAMAGE;
    if (c->options->tell)
        c->options->tell(c->options->arg, kind, place, text);
}

/* What a child said, once it is believed. Damages over its bound are counted too. */
static void tell_outcome(struct checking *c, const char *place)
{
    const struct check_outcome *out = c->outcome;
    uint64_t told = 0;
    for (size_t i = 0; i < out->line_count; i++) {
        tell(c, out->lines[i].kind, place, out->lines[i].text);
        told += out->lines[i].kind == CHECK_DAMAGE;
    }
    if (out->totals.damages > told)
        c->result->damages += out->totals.damages - told;
}

static void tick(void *arg)
{
    struct checking *c = arg;
    uint64_t done = c->before_bytes + atomic_load(&c->shared->done_bytes);
    if (c->options->progress)
        c->options->progress(c->options->arg, c->place, done < c->all_bytes ? done : c->all_bytes,
                             c->all_bytes);
}

static enum tm_err run(struct checking *c, const char *place, check_work_fn *work, void *arg, uint64_t bytes,
                       struct tm_why *why)
{
    const struct check_job job = {work, arg, c->shared, bytes, tick, c};
    c->place = place;
    atomic_store(&c->shared->done_bytes, 0);
    enum tm_err err = check_child(&job, c->outcome, why);
    if (err)
        return err;
    if (c->outcome->err == TM_IO || c->outcome->err == TM_NOMEM || c->outcome->err == TM_INVALID)
        return tm_fail(why, c->outcome->err, "%s: %.300s", place, c->outcome->why.text);
    return TM_OK;
}

static void pause_a_moment(void)
{
    const struct timespec nap = {0, PAUSE_MS * 1000000};
    (void)nanosleep(&nap, NULL);
}

/* ---- what there is ---- */

static uint64_t size_of(const char *dir, const char *file)
{
    struct partition_path path;
    struct stat info;
    int len = snprintf(path.text, sizeof path.text, "%.*s/%s", PARTITION_DIR_BYTES, dir, file);
    return len > 0 && (size_t)len < sizeof path.text && stat(path.text, &info) == 0
               ? (uint64_t)info.st_blocks * 512
               : 0;
}

static uint64_t partition_bytes(const struct checking *c, const struct found *f)
{
    char file[PLACE_BYTES + 16];
    (void)snprintf(file, sizeof file, "%s/data.mdb", f->place);
    return size_of(c->options->dir, file);
}

static uint64_t journal_bytes(const struct checking *c)
{
    uint64_t *numbers, bytes = 0;
    size_t count;
    if (segment_list(c->folder.journal, &numbers, &count) != TM_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        char name[SEGMENT_NAME_BYTES], file[SEGMENT_NAME_BYTES + 16];
        segment_name(numbers[i], name);
        (void)snprintf(file, sizeof file, "journal/%s", name);
        bytes += size_of(c->options->dir, file);
    }
    free(numbers);
    return bytes;
}

/* A name in the folder of a tier. What a crash left is the next start's matter. */
static enum tm_err add_found(struct checking *c, enum partition_tier tier, const char *name)
{
    struct found f = {.id.tier = tier};
    enum partition_suffix suffix;
    const char *aside = strstr(name, ".quarantine");
    bool is_own = path_parse(tier, name, &f.id, &suffix) == TM_OK && suffix == SUFFIX_NONE;
    if ((!is_own && !aside) || strlen(name) > 48)
        return TM_OK;
    f.is_aside = !is_own;
    (void)snprintf(f.place, sizeof f.place, "%s/%.48s", partition_tier_name(tier), name);
    struct found *grown = grow_array(c->found, &c->capacity, c->count + 1, sizeof *grown);
    if (!grown)
        return TM_NOMEM;
    c->found = grown;
    c->found[c->count++] = f;
    return TM_OK;
}

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return strcmp(x->place, y->place);
}

static enum tm_err list_partitions(struct checking *c, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    c->count = 0;
    for (size_t tier = 0; tier < PARTITION_TIERS && !err; tier++) {
        struct partition_path path = path_of_tier(c->options->dir, (enum partition_tier)tier);
        DIR *folder = opendir(path.text);
        const struct dirent *entry;
        if (!folder && errno == ENOENT)
            continue;
        if (!folder)
            return file_fail(why, "listing", path.text);
        while (!err && (entry = readdir(folder)))
            err = add_found(c, (enum partition_tier)tier, entry->d_name);
        closedir(folder);
    }
    if (c->count > 1)
        qsort(c->found, c->count, sizeof *c->found, compare_found);
    return err ? tm_fail(why, err, "out of memory") : TM_OK;
}

/* ---- index and journal ---- */

static enum tm_err check_index(struct checking *c, struct tm_why *why)
{
    struct check_index place = {c->options->dir};
    uint64_t bytes = size_of(c->options->dir, "index/data.mdb");
    enum tm_err err = run(c, "index", check_index_work, &place, bytes, why);
    c->index = c->outcome->totals;
    c->has_index = c->outcome->err == TM_OK || (c->outcome->err == TM_CORRUPT && c->index.series > 0);
    return err;
}

/* A journal that is trimmed or written meanwhile is read again, behind a fresh look at the index. */
static enum tm_err check_journal(struct checking *c, struct tm_why *why)
{
    struct check_journal place = {c->folder.journal, c->index.flushed_lsn};
    enum tm_err err = TM_OK;
    for (int i = 0; i < TRIES && !err; i++) {
        err = run(c, "journal", check_journal_work, &place, journal_bytes(c), why);
        if (err || (c->outcome->err == TM_OK && c->outcome->totals.damages == 0))
            break;
        if (i + 1 == TRIES)
            break;
        if (c->outcome->err == TM_OK && i > 1)
            break; /* the same bytes, again and again */
        pause_a_moment();
        err = check_index(c, why);
        place.flushed_lsn = c->index.flushed_lsn;
    }
    if (!err && c->outcome->err == TM_BUSY) {
        char text[CHECK_TEXT_BYTES];
        (void)snprintf(text, sizeof text, "%.300s: their batches are lost; restore the folder from a backup",
                       c->outcome->why.text);
        tell(c, CHECK_DAMAGE, "journal", text);
    }
    return err;
}

static enum tm_err check_index_and_journal(struct checking *c, struct tm_why *why)
{
    enum tm_err err = check_index(c, why);
    if (err)
        return err;
    c->before_bytes += size_of(c->options->dir, "index/data.mdb");
    err = check_journal(c, why);
    if (!err)
        tell_outcome(c, "journal");
    c->result->records = c->outcome->totals.records;
    c->result->bytes += c->outcome->totals.bytes;
    c->before_bytes += journal_bytes(c);
    /* Last, since it may have been looked at again. */
    if (!err)
        err = check_index(c, why);
    if (!err)
        tell_outcome(c, "index");
    if (!err && c->outcome->err == TM_NOT_FOUND && c->count > 0)
        tell(c, CHECK_DAMAGE, "index",
             "is missing, and partitions are there: what their samples are called is lost; restore the "
             "folder from a "
             "backup");
    c->result->series = c->index.series;
    c->result->event_blocks = c->index.event_blocks;
    c->result->bytes += c->index.bytes;
    return err;
}

/* ---- partitions ---- */

struct identity {
    uint64_t data, pages;
};

static struct identity identify(const struct checking *c, const struct found *f)
{
    struct identity out = {0, 0};
    (void)file_bytes(path_of(c->options->dir, f->id, "", "data.mdb").text, &out.data);
    (void)file_bytes(path_of(c->options->dir, f->id, "", "pages").text, &out.pages);
    return out;
}

static uint64_t count_unknown(const struct check_shared *shared, uint32_t *first)
{
    uint64_t count = 0;
    for (uint32_t byte = 0; byte < shared->seen_end; byte++) {
        uint8_t left = shared->seen[byte] & (uint8_t)~shared->known[byte];
        if (left && count == 0)
            *first = byte * 8 + (uint32_t)__builtin_ctz(left);
        count += (uint64_t)__builtin_popcount(left);
    }
    return count;
}

/* What a partition names may be newer than what was read of the index: that is read again first. */
static enum tm_err check_series(struct checking *c, const struct found *f, struct tm_why *why)
{
    uint32_t first = 0;
    char text[CHECK_TEXT_BYTES];
    if (!c->has_index || count_unknown(c->shared, &first) == 0)
        return TM_OK;
    enum tm_err err = check_index(c, why);
    if (err || !c->has_index)
        return err;
    uint64_t count = count_unknown(c->shared, &first);
    if (count == 0)
        return TM_OK;
    (void)snprintf(text, sizeof text,
                   "has chunks of %" PRIu64 " series that the index does not define (the first: %" PRIu32
                   "): they can't be asked for; restore index and partitions from one backup",
                   count, first);
    tell(c, CHECK_DAMAGE, f->place, text);
    return TM_OK;
}

/* Until nothing changes meanwhile. False: it went away. */
static enum tm_err check_until_still(struct checking *c, const struct found *f, bool *is_there,
                                     struct tm_why *why)
{
    struct partition_path path = path_of(c->options->dir, f->id, "", NULL);
    struct check_partition place = {path.text, f->id};
    enum tm_err err = TM_OK;
    *is_there = true;
    for (int i = 0; i < TRIES && !err; i++) {
        struct identity before = identify(c, f);
        err = run(c, f->place, check_partition_work, &place, partition_bytes(c, f), why);
        if (err || (c->outcome->totals.damages == 0 && c->outcome->err == TM_OK))
            return err;
        *is_there = file_exists(path.text);
        struct identity after = identify(c, f);
        bool is_still = before.data == after.data && before.pages == after.pages;
        if (!*is_there || (is_still && i > 0))
            return TM_OK; /* gone, or twice the same */
        pause_a_moment();
    }
    return err;
}

static void add_partition(struct checking *c)
{
    const struct check_totals *t = &c->outcome->totals;
    c->result->partitions++;
    c->result->sealed += t->sealed;
    c->result->chunks += t->chunks;
    c->result->samples += t->samples;
    c->result->chunk_bytes += t->chunk_bytes;
}

static enum tm_err check_found(struct checking *c, const struct found *f, struct tm_why *why)
{
    bool is_there = true;
    if (f->is_aside) {
        c->result->quarantined++;
        tell(c, CHECK_DAMAGE, f->place,
             "was set aside as damaged and is not read: put this partition back from a backup, then remove "
             "the folder");
        return TM_OK;
    }
    uint64_t bytes = partition_bytes(c, f);
    enum tm_err err = check_until_still(c, f, &is_there, why);
    if (err || !is_there)
        return err;
    tell_outcome(c, f->place);
    add_partition(c);
    c->result->bytes += bytes;
    c->before_bytes += bytes;
    return check_series(c, f, why);
}

/* ---- the whole ---- */

static uint64_t children_ns(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000u +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000u;
}

static enum tm_err check_all(struct checking *c, struct tm_why *why)
{
    c->outcome = calloc(1, sizeof *c->outcome);
    void *shared = mmap(NULL, sizeof *c->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    c->shared = shared == MAP_FAILED ? NULL : shared;
    if (!c->outcome || !c->shared)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = list_partitions(c, why);
    if (err)
        return err;
    c->all_bytes = size_of(c->options->dir, "index/data.mdb") + journal_bytes(c);
    for (size_t i = 0; i < c->count; i++)
        c->all_bytes += c->found[i].is_aside ? 0 : partition_bytes(c, &c->found[i]);
    err = check_index_and_journal(c, why);
    for (size_t i = 0; i < c->count && !err; i++)
        err = check_found(c, &c->found[i], why);
    return err;
}

enum tm_err check_run(const struct check_options *options, struct check_result *result, struct tm_why *why)
{
    struct checking c = {.options = options, .result = result};
    uint64_t begun_ns = children_ns();
    *result = (struct check_result){0};
    enum tm_err err = folder_open_reading(&c.folder, options->dir, why);
    if (err == TM_CORRUPT) {
        tell(&c, CHECK_DAMAGE, "FORMAT", why->text);
        return err;
    }
    if (err)
        return err;
    err = check_all(&c, why);
    folder_close(&c.folder);
    if (c.shared)
        (void)munmap(c.shared, sizeof *c.shared);
    free(c.outcome);
    free(c.found);
    result->cpu_ns = children_ns() - begun_ns;
    if (!err && result->damages > 0)
        err = tm_fail(why, TM_CORRUPT, "%" PRIu64 " damages in %.250s", result->damages, options->dir);
    return err;
}
