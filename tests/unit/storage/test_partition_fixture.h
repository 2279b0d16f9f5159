/* What the tests of partitions share: a scratch folder, chunks that prove themselves, a model. */
#ifndef TM_TESTS_PARTITION_FIXTURE_H
#define TM_TESTS_PARTITION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "storage/partition/partition.h"

#define DAY_MS ((time_ms_t)86400000)

enum { TEST_DAY = 20779, MAX_VALUE = 4000 }; /* 2026-11-22 */

struct scratch {
    char dir[128]; /* the folder of partitions */
    char root[64];
    struct partitions_options options;
    struct partitions *set;
    int map_lines;   /* partition.map_grown */
    int error_lines; /* of level error */
    char last_id[64];
};

static inline void scratch_log(void *arg, int level, const char *id, const char *text)
{
    struct scratch *s = arg;
    (void)text;
    s->map_lines += strcmp(id, "partition.map_grown") == 0;
    s->error_lines += level == 0;
    (void)snprintf(s->last_id, sizeof s->last_id, "%s", id);
}

static inline void scratch_make(struct scratch *s, const char *under)
{
    *s = (struct scratch){.error_lines = 0};
    (void)snprintf(s->root, sizeof s->root, "%s/tm-partition-XXXXXX", under);
    if (!mkdtemp(s->root))
        abort();
    (void)snprintf(s->dir, sizeof s->dir, "%s/partitions", s->root);
    s->options =
        (struct partitions_options){.dir = s->dir, .clock = clock_system(), .log = scratch_log, .log_arg = s};
}

static inline void scratch_open(struct scratch *s)
{
    struct tm_why why = {""};
    s->options.dir = s->dir;
    s->options.log_arg = s;
    if (partitions_open(&s->options, &s->set, &why) != TM_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        abort();
    }
}

static inline void scratch_close(struct scratch *s)
{
    partitions_close(s->set);
    s->set = NULL;
}

static inline void run_command(const char *command)
{
    if (system(command) != 0)
        abort();
}

static inline void scratch_remove(struct scratch *s)
{
    char command[128];
    if (s->set)
        scratch_close(s);
    (void)snprintf(command, sizeof command, "rm -rf %s", s->root);
    run_command(command);
}

static inline struct partition_id day_id(uint32_t period, bool late)
{
    return (struct partition_id){.tier = PARTITION_RAW, .period = period, .late = late};
}

static inline void partition_file(const struct scratch *s, struct partition_id id, const char *file,
                                  char out[256])
{
    char name[PARTITION_PERIOD_NAME_BYTES];
    if (partition_period_name(id.tier, id.period, name) != TM_OK)
        abort();
    (void)snprintf(out, 256, "%s/%s/%s%s%s", s->dir, partition_tier_name(id.tier), name,
                   id.late ? ".late" : "", file);
}

static inline bool is_there(const struct scratch *s, struct partition_id id, const char *file)
{
    char path[256];
    partition_file(s, id, file, path);
    return access(path, F_OK) == 0;
}

/* ---- chunks: checksum over series, part and all that follows; extent; noise that the series decides ---- */

struct chunk {
    char bytes[MAX_VALUE];
    size_t len;
    struct partition_extent extent;
};

static inline struct chunk chunk_of(uint32_t series, uint32_t part, uint32_t flavour, size_t len)
{
    struct chunk c = {.len = len < 40 ? 40 : len};
    uint64_t key[2] = {(uint64_t)series << 32 | part, flavour};
    c.extent.first = (time_ms_t)TEST_DAY * DAY_MS + (time_ms_t)flavour * 60000 + part;
    c.extent.last = c.extent.first + 50000;
    c.extent.samples = 6;
    memcpy(c.bytes + 8, &c.extent, sizeof c.extent);
    memcpy(c.bytes + 32, &flavour, sizeof flavour);
    for (size_t i = 36; i + 8 <= c.len; i += 8) {
        key[1] += i;
        uint64_t noise = XXH3_64bits(key, sizeof key);
        memcpy(c.bytes + i, &noise, 8);
    }
    uint64_t sum = XXH3_64bits_withSeed(c.bytes + 8, c.len - 8, (uint64_t)series << 32 | part);
    memcpy(c.bytes, &sum, 8);
    return c;
}

static inline struct str chunk_str(const struct chunk *c)
{
    return (struct str){c->bytes, c->len};
}

/* The value proves itself under its key. */
static inline bool is_sound(const struct partition_item *item, struct partition_extent *extent)
{
    uint64_t sum;
    if (item->value.len < 40)
        return false;
    memcpy(&sum, item->value.ptr, 8);
    if (extent)
        memcpy(extent, item->value.ptr + 8, sizeof *extent);
    return sum == XXH3_64bits_withSeed(item->value.ptr + 8, item->value.len - 8,
                                       (uint64_t)item->key.series << 32 | item->key.part);
}

static inline uint32_t flavour_of(const struct partition_item *item)
{
    uint32_t flavour;
    memcpy(&flavour, item->value.ptr + 32, sizeof flavour);
    return flavour;
}

static inline enum tm_err check_value(void *arg, const struct partition_item *item,
                                      struct partition_extent *out)
{
    (void)arg;
    return is_sound(item, out) ? TM_OK : TM_CORRUPT;
}

/* Writes one window with `series` chunks of len bytes. */
static inline enum tm_err write_window(struct partitions *set, uint32_t period, uint32_t flavour,
                                       uint32_t series, size_t len, struct tm_why *why)
{
    struct partition_writer *w;
    enum tm_err err = partition_writer_open(set, PARTITION_RAW, period, &w, why);
    if (err)
        return err;
    for (uint32_t i = 0; !err && i < series; i++) {
        struct chunk c = chunk_of(i, 0, flavour, len);
        err = partition_writer_put(w, i, 0, chunk_str(&c), &c.extent, why);
    }
    if (err)
        partition_writer_abort(&w);
    return err ? err : partition_writer_commit(&w, flavour, why);
}

static inline void must_write(struct scratch *s, uint32_t period, uint32_t flavour, uint32_t series,
                              size_t len)
{
    struct tm_why why = {""};
    enum tm_err err = write_window(s->set, period, flavour, series, len, &why);
    if (err)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_OK);
}

/* Counts chunks and adds up a hash of them that does not depend on their order. */
struct content {
    uint64_t chunks;
    uint64_t sum;
    uint64_t wrong; /* chunks that do not prove themselves */
};

static inline void add_chunk(struct content *c, uint32_t series, uint32_t part, uint32_t flavour)
{
    uint32_t key[3] = {series, part, flavour};
    c->chunks++;
    c->sum += XXH3_64bits(key, sizeof key);
}

/* All of a partition, in steps of step_chunks. TM_NOT_FOUND: it is not there. */
static inline enum tm_err read_all(struct partitions *set, struct partition_id id, size_t step_chunks,
                                   struct content *out)
{
    struct partition_scan scan = {0};
    struct partition_item item;
    struct partition_step step;
    enum tm_err err = TM_OK;
    *out = (struct content){0};
    while (!err) {
        err = partition_step_begin(set, id, &step, NULL);
        if (err)
            return err;
        for (size_t i = 0; !err && i < step_chunks; i++) {
            err = partition_scan_next(&step, &scan, &item, NULL);
            if (!err && is_sound(&item, NULL))
                add_chunk(out, item.key.series, item.key.part, flavour_of(&item));
            else if (!err)
                out->wrong++;
        }
        partition_step_end(&step);
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static inline struct content windows_content(uint32_t first_flavour, uint32_t count, uint32_t series)
{
    struct content c = {0};
    for (uint32_t f = first_flavour; f < first_flavour + count; f++) {
        for (uint32_t i = 0; i < series; i++)
            add_chunk(&c, i, 0, f);
    }
    return c;
}

static inline void assert_content(struct scratch *s, struct partition_id id, struct content wanted)
{
    struct content found;
    assert_int_equal(read_all(s->set, id, 97, &found), TM_OK);
    assert_int_equal(found.wrong, 0);
    assert_int_equal(found.chunks, wanted.chunks);
    assert_int_equal(found.sum, wanted.sum);
}

/* ---- rewriting: main, then late; the later one wins ---- */

struct merge_plan {
    struct partitions *set;
    uint32_t period;
    uint32_t series;
    uint32_t skip; /* a series to leave out, UINT32_MAX: none */
    enum tm_err fail_with;
};

/* All chunks of each series, main before late, numbered anew. */
static inline enum tm_err merge_all(void *arg, struct partition_rewrite *rewrite, struct tm_why *why)
{
    const struct merge_plan *plan = arg;
    enum tm_err err = TM_OK;
    for (uint32_t series = 0; !err && series < plan->series; series++) {
        uint32_t part = 0;
        for (int late = 0; !err && late < 2 && series != plan->skip; late++) {
            struct partition_step step;
            struct partition_cursor cursor;
            struct partition_item item;
            enum tm_err got = partition_step_begin(plan->set, day_id(plan->period, late), &step, why);
            if (got == TM_NOT_FOUND)
                continue;
            if (got)
                return got;
            partition_cursor_init(&cursor, series, (struct span){0, INT64_MAX});
            while (!err && (got = partition_cursor_next(&step, &cursor, &item, why)) == TM_OK) {
                struct chunk c = chunk_of(series, part, flavour_of(&item), item.value.len);
                err = partition_rewrite_put(rewrite, series, part++, chunk_str(&c), &c.extent, why);
            }
            partition_step_end(&step);
            if (got != TM_NOT_FOUND && !err)
                err = got;
        }
    }
    return err ? err : plan->fail_with;
}

#endif
