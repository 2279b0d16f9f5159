#include "storage/partition/present.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

enum { BITS = 8, SCAN_ITEMS = 4096 };

void present_fini(struct present *present)
{
    free(present->bits);
    *present = (struct present){0};
}

void present_clear(struct present *present)
{
    if (present->bits)
        memset(present->bits, 0, present->capacity);
}

enum tm_err present_add(struct present *present, uint32_t number)
{
    size_t before = present->capacity;
    uint8_t *bits = grow_array(present->bits, &present->capacity, number / BITS + 1, 1);
    if (!bits)
        return TM_NOMEM;
    present->bits = bits;
    memset(bits + before, 0, present->capacity - before);
    bits[number / BITS] = (uint8_t)(bits[number / BITS] | 1u << number % BITS);
    return TM_OK;
}

void present_remove(struct present *present, uint32_t number)
{
    if (number / BITS < present->capacity)
        present->bits[number / BITS] = (uint8_t)(present->bits[number / BITS] & ~(1u << number % BITS));
}

bool present_has(const struct present *present, uint32_t number)
{
    return number / BITS < present->capacity && present->bits[number / BITS] >> number % BITS & 1;
}

bool present_next(const struct present *present, uint32_t *number)
{
    uint64_t at = *number, end = (uint64_t)present->capacity * BITS;
    while (at < end) {
        if (present->bits[at / BITS] == 0) {
            at = (at / BITS + 1) * BITS;
        } else if (present_has(present, (uint32_t)at)) {
            *number = (uint32_t)at;
            return true;
        } else {
            at++;
        }
    }
    return false;
}

/* TM_NOT_FOUND at the end. */
static enum tm_err scan_some(struct present *present, struct partition_step *step,
                             struct partition_scan *scan, struct tm_why *why)
{
    struct partition_item item;
    enum tm_err err = TM_OK;
    for (int i = 0; i < SCAN_ITEMS && !err; i++) {
        err = partition_scan_next(step, scan, &item, why);
        if (!err && present_add(present, item.key.series) != TM_OK)
            err = tm_fail(why, TM_NOMEM, "out of memory for a list of series");
    }
    return err;
}

enum tm_err present_scan(struct present *present, struct partitions *set, struct partition_id id,
                         struct tm_why *why)
{
    struct partition_scan scan = {0};
    enum tm_err err = TM_OK;
    while (!err) {
        struct partition_step step;
        err = partition_step_begin(set, id, &step, why);
        if (err)
            break;
        err = scan_some(present, &step, &scan, why);
        partition_step_end(&step);
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}
