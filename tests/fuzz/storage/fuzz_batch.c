/* A batch record's body -> what it holds -> a body again -> the same. */
#include <stdlib.h>
#include <string.h>

#include "storage/journal/batch_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

static bool same_mark(const struct batch_content *a, const struct batch_content *b)
{
    if (a->written_ms != b->written_ms || a->is_marked != b->is_marked)
        return false;
    return !a->is_marked ||
           (str_equal(a->mark.producer, b->mark.producer) && a->mark.epoch == b->mark.epoch &&
            a->mark.seq == b->mark.seq && a->mark.body_hash == b->mark.body_hash);
}

static void require_same(const struct batch_content *a, const struct batch_content *b)
{
    require(same_mark(a, b));
    require(a->sample_count == b->sample_count && a->event_count == b->event_count);
    require(a->definition_count == b->definition_count && str_equal(a->lines, b->lines));
    for (size_t i = 0; i < a->sample_count; i++) {
        const struct sample *x = &a->samples[i];
        const struct sample *y = &b->samples[i];
        require(x->series == y->series && x->time == y->time);
        require(memcmp(&x->number.value, &y->number.value, sizeof x->number.value) == 0);
    }
    require(a->cell_count == b->cell_count && a->newest_cell_ms == b->newest_cell_ms);
    for (size_t i = 0; i < a->cell_count; i++) {
        require(memcmp(&a->cells[i], &b->cells[i], sizeof a->cells[i]) == 0);
        require(i == 0 || batch_cells_compare(&a->cells[i - 1], &a->cells[i]) < 0);
    }
    for (size_t i = 0; i < a->event_count; i++)
        require(a->events[i].kind == b->events[i].kind && a->events[i].time == b->events[i].time &&
                a->events[i].len == b->events[i].len);
    for (size_t i = 0; i < a->definition_count; i++)
        require(a->definitions[i].series == b->definitions[i].series &&
                str_equal(a->definitions[i].labels, b->definitions[i].labels) &&
                str_equal(a->definitions[i].service, b->definitions[i].service));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct batch_arrays arrays = {0};
    struct batch_arrays again_arrays = {0};
    struct batch_content content, again;
    struct bytes body = {0};
    struct str given = {(const char *)data, len};
    enum tm_err err = batch_decode(given, &arrays, &content);
    require(err == TM_OK || err == TM_CORRUPT);
    if (err == TM_OK) {
        batch_encode(&content, &body);
        require(bytes_error(&body) == TM_OK);
        require(batch_decode(bytes_view(&body), &again_arrays, &again) == TM_OK);
        require_same(&content, &again);
        require(batch_decode_definitions(given, &again_arrays, &again) == TM_OK);
        require(again.definition_count == content.definition_count);
    }
    bytes_fini(&body);
    batch_arrays_fini(&arrays);
    batch_arrays_fini(&again_arrays);
    return 0;
}
