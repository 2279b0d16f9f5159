#include "server/detect/detect_cube.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/wire/reply.h"
#include "storage/model/labels.h"

enum { NAMES_MAX = 32, VALUE_SAID = 80 };
#define SHARE_SAID 0.995 /* from here on all of it */

struct slot {
    uint64_t hash; /* 0: free */
    uint32_t number;
};

struct slots {
    struct slot *at;
    size_t count; /* a power of two */
};

static bool read_labels(struct detect_cube *cube, struct reader *reader, const uint32_t *series)
{
    struct bytes one = {0};
    for (size_t i = 0; i < cube->cube.cells; i++) {
        bytes_clear(&one);
        reader_labels(reader, series[i], &one);
        cube->labels[i].len = one.len;
        bytes_put(&cube->texts, one.data, one.len);
        cube->texts.failed = cube->texts.failed || one.failed;
    }
    bytes_fini(&one);
    const char *at = (const char *)cube->texts.data;
    for (size_t i = 0; i < cube->cube.cells && !cube->texts.failed; i++) {
        cube->labels[i].ptr = at;
        at += cube->labels[i].len;
    }
    return !bytes_error(&cube->texts);
}

/* Numbers the values of one name from 1 in order of appearance, into column j; 0 is "has none". Returns how
 * many numbers there are. */
static uint32_t number_values(struct detect_cube *cube, struct slots *slots, struct str name, size_t j)
{
    uint32_t count = 1;
    memset(slots->at, 0, slots->count * sizeof *slots->at);
    for (size_t i = 0; i < cube->cube.cells; i++) {
        struct labels labels;
        struct str value = {NULL, 0};
        if (labels_decode(cube->labels[i], &labels) == TM_OK)
            value = labels_get(&labels, name);
        uint64_t hash = value.len ? XXH3_64bits(value.ptr, value.len) | 1 : 0;
        size_t slot = hash & (slots->count - 1);
        while (hash && slots->at[slot].hash && slots->at[slot].hash != hash)
            slot = (slot + 1) & (slots->count - 1);
        if (hash && !slots->at[slot].hash)
            slots->at[slot] = (struct slot){hash, count++};
        cube->at[i * SCORE_CUBE_LABELS + j] = hash ? slots->at[slot].number : 0;
    }
    return count;
}

static bool differs(const struct detect_cube *cube, size_t j)
{
    for (size_t i = 1; i < cube->cube.cells; i++) {
        if (cube->at[i * SCORE_CUBE_LABELS + j] != cube->at[j])
            return true;
    }
    return false;
}

/* The names in the series, each once. */
static size_t find_names(const struct detect_cube *cube, struct str names[NAMES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < cube->cube.cells; i++) {
        struct labels labels;
        if (labels_decode(cube->labels[i], &labels) != TM_OK)
            continue;
        for (size_t k = 0; k < labels.count; k++) {
            size_t n = 0;
            while (n < count && !str_equal(names[n], labels.at[k].name))
                n++;
            if (n == count && count < NAMES_MAX)
                names[count++] = labels.at[k].name;
        }
    }
    return count;
}

static void number_labels(struct detect_cube *cube, struct slots *slots)
{
    struct str names[NAMES_MAX];
    size_t name_count = find_names(cube, names), labels = 0;
    for (size_t n = 0; n < name_count && labels < SCORE_CUBE_LABELS; n++) {
        cube->cube.values[labels] = number_values(cube, slots, names[n], labels);
        if (differs(cube, labels))
            cube->names[labels++] = names[n];
    }
    for (size_t i = 0; i < cube->cube.cells; i++)
        memmove(cube->at + i * labels, cube->at + i * SCORE_CUBE_LABELS, labels * sizeof *cube->at);
    cube->cube.labels = labels;
}

static bool make_room(struct detect_cube *cube, struct slots *slots)
{
    size_t count = cube->cube.cells;
    slots->count = 16;
    while (slots->count < 2 * count)
        slots->count *= 2;
    slots->at = calloc(slots->count, sizeof *slots->at);
    cube->labels = calloc(count, sizeof *cube->labels);
    cube->cube.at = cube->at = calloc(count * SCORE_CUBE_LABELS, sizeof *cube->at);
    cube->cube.seen = cube->seen = calloc(count, sizeof *cube->seen);
    cube->cube.expected = cube->expected = calloc(count, sizeof *cube->expected);
    cube->work =
        (struct score_cube_work){calloc(count, sizeof(double)), calloc(count, 1),
                                 calloc(count + 1, sizeof(double)), calloc(count + 1, sizeof(double))};
    return slots->at && cube->labels && cube->at && cube->seen && cube->expected && cube->work.left &&
           cube->work.inside && cube->work.seen && cube->work.expected;
}

bool detect_cube_open(struct detect_cube *cube, struct reader *reader, const uint32_t *series, size_t count)
{
    struct slots slots = {NULL, 0};
    cube->cube.cells = count;
    bool ok = count > 0 && make_room(cube, &slots) && read_labels(cube, reader, series);
    if (ok)
        number_labels(cube, &slots);
    free(slots.at);
    return ok && cube->cube.labels > 0;
}

void detect_cube_fini(struct detect_cube *cube)
{
    bytes_fini(&cube->texts);
    free(cube->labels);
    free(cube->at);
    free(cube->seen);
    free(cube->expected);
    free(cube->work.left);
    free(cube->work.inside);
    free(cube->work.seen);
    free(cube->work.expected);
}

/* ---- causes ---- */

bool detect_cube_has(const struct detect_cube *cube, size_t cell, const struct score_cause *cause)
{
    for (size_t k = 0; k < cause->labels; k++) {
        if (cube->at[cell * cube->cube.labels + cause->label[k]] != cause->value[k])
            return false;
    }
    return true;
}

/* The value behind a number, of the series as they are. */
static struct str value_of(const struct detect_cube *cube, size_t j, uint32_t number)
{
    for (size_t i = 0; i < cube->cube.cells; i++) {
        struct labels labels;
        if (cube->at[i * cube->cube.labels + j] == number && labels_decode(cube->labels[i], &labels) == TM_OK)
            return labels_get(&labels, cube->names[j]);
    }
    return (struct str){NULL, 0};
}

/* "page group product" */
static void put_words(struct bytes *out, struct str name, struct str value)
{
    for (size_t i = 0; i < name.len; i++)
        bytes_u8(out, name.ptr[i] == '_' ? ' ' : (uint8_t)name.ptr[i]);
    bytes_printf(out, " %.*s%s", (int)(value.len < VALUE_SAID ? value.len : VALUE_SAID), value.ptr,
                 value.len > VALUE_SAID ? "..." : "");
}

void detect_cube_put(const struct detect_cube *cube, const struct score_cause *cause, struct bytes *text,
                     struct bytes *json)
{
    for (size_t k = 0; k < cause->labels; k++) {
        struct str name = cube->names[cause->label[k]];
        struct str value = value_of(cube, cause->label[k], cause->value[k]);
        bytes_printf(json, k ? "," : "");
        bytes_json_string(json, name);
        bytes_u8(json, ':');
        bytes_json_string(json, value);
        bytes_printf(text, k ? ", " : "");
        if (value.len > 0)
            put_words(text, name, value);
        else
            bytes_printf(text, "no %.*s", STR_ARG(name));
    }
}

bool detect_put_share(double share, struct bytes *text)
{
    bool is_all = share >= SHARE_SAID;
    if (is_all)
        bytes_printf(text, "all");
    else
        bytes_printf(text, "%.0f %%", 100 * share);
    return is_all;
}

void detect_cube_encode(const struct detect_cube *cube, const struct score_cause *cause, struct bytes *out)
{
    struct labels labels = {.count = 0};
    struct str twice;
    for (size_t k = 0; k < cause->labels; k++) {
        if (labels_add(&labels, cube->names[cause->label[k]],
                       value_of(cube, cause->label[k], cause->value[k])) != TM_OK)
            out->failed = true;
    }
    if (labels_sort(&labels, &twice) != TM_OK)
        out->failed = true;
    labels_encode(&labels, out);
}
