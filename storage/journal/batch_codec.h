/* The body of a batch record: columnar, self-contained, lossless to the bit for every double. */
#ifndef TM_STORAGE_BATCH_CODEC_H
#define TM_STORAGE_BATCH_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/journal/batch_cells.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/number.h"
#include "storage/model/str.h"
#include "storage/store.h"

struct sample {
    struct number number;
    time_ms_t time;
    uint32_t series;
};

struct batch_event {
    time_ms_t time;
    uint32_t len; /* of its line; the lines of all events stand one behind the other */
    uint8_t kind;
};

/* What a number stands for, in this segment and all others of the same life. */
struct batch_definition {
    uint32_t series;
    struct str labels;  /* as labels_encode wrote them */
    struct str service; /* who owns it */
};

/* Views only. */
struct batch_content {
    time_ms_t written_ms;
    bool is_marked;
    struct producer_mark mark;
    const struct sample *samples;
    size_t sample_count;
    const struct batch_cell *cells; /* in order, each once */
    size_t cell_count;
    time_ms_t newest_cell_ms; /* 0 without cells */
    const struct batch_event *events;
    size_t event_count;
    struct str lines;
    const struct batch_definition *definitions;
    size_t definition_count;
};

/* Appends the body. Failed allocations show in bytes_error(out). */
void batch_encode(const struct batch_content *content, struct bytes *out);

/* Where decoded arrays live; zero-initialised, used again and again, released by batch_arrays_fini. */
struct batch_arrays {
    struct sample *samples;
    size_t sample_capacity;
    struct batch_cell_array cells;
    struct batch_event *events;
    size_t event_capacity;
    struct batch_definition *definitions;
    size_t definition_capacity;
};

/* Frees the arrays, and so ends the views that decoding gave; it is empty then. */
void batch_arrays_fini(struct batch_arrays *arrays);

/* Reads a body; the views are valid as long as body and until arrays is used again. TM_CORRUPT if a byte of
 * it breaks the format, TM_NOMEM. */
enum tm_err batch_decode(struct str body, struct batch_arrays *arrays,
                         struct batch_content *out) TM_MUST_CHECK;

/* Reads the definitions alone, which stand first. Same errors. */
enum tm_err batch_decode_definitions(struct str body, struct batch_arrays *arrays,
                                     struct batch_content *out) TM_MUST_CHECK;

#endif
