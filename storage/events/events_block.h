/* A block: events of one service and UTC day, by time, in columns. storage/events/README.md has every byte.
 * Pure; any thread, with scratch memory of its own. */
#ifndef TM_STORAGE_EVENTS_BLOCK_H
#define TM_STORAGE_EVENTS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/chunk/chunk.h"
#include "storage/events/events.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/http_event.h"

enum {
    EVENTS_BLOCK_MAX = 16384,         /* events */
    EVENTS_BLOCK_BYTES_MAX = 1 << 20, /* as stored */
    EVENTS_BLOCK_TEXT_MAX = 4 << 20,  /* of one column's different texts */
    EVENTS_TEXT_COLUMNS =
        EVENTS_TAGS + 1 /* the columns before are texts, but for the service, which is one */
};

/* What is told without a look at the columns. */
struct events_block_head {
    uint32_t count; /* events, 1 to EVENTS_BLOCK_MAX */
    time_ms_t first;
    time_ms_t last; /* inclusive */
    int32_t status_min;
    int32_t status_max;
    struct str service;
};

/* An event as the head keeps it. */
struct events_row {
    time_ms_t time;
    struct str bytes; /* as http_event_encode wrote them */
};

struct events_encoder;
/* NULL: out of memory. */
struct events_encoder *events_encoder_new(void);
/* NULL is allowed. */
void events_encoder_free(struct events_encoder *encoder);

/* Appends a block of as many of the rows as fit in one, *taken of them; rows are of one service and ascend by
 * time. head tells what it holds; its views are into rows. TM_NOMEM, TM_CORRUPT (a row's bytes are none),
 * TM_TOO_LARGE (one row alone is too large for a block); out is then as before. */
enum tm_err events_block_encode(struct events_encoder *encoder, const struct chunk_key *key,
                                const struct events_row *rows, size_t count, size_t *taken, struct bytes *out,
                                struct events_block_head *head) TM_MUST_CHECK;

/* Reads the head, which has a checksum of its own. TM_CORRUPT. */
enum tm_err events_block_peek(const struct chunk_key *key, struct str block,
                              struct events_block_head *out) TM_MUST_CHECK;

/* A column while it is read. Private to events_block_*.c. */
struct events_values {
    struct str stored;
    bool is_read;
    int64_t *values; /* numbers, or places among the texts */
    struct str dictionary_stored;
    struct str *texts;
    size_t text_count;
    size_t text_capacity;
    char *arena;
    size_t arena_capacity;
};

/* A block that is being read, column by column. Zero-initialise, use for one block after the other, end by
 * events_block_fini. */
struct events_block {
    struct events_block_head head;
    struct events_values times;
    struct events_values columns[EVENTS_COLUMNS];
    uint32_t read; /* EVENTS_BIT of the columns that are read */
    struct bytes scratch[2];
    int64_t *predicted;
    size_t predicted_capacity;
    struct labels tags; /* of the row that was looked at last */
    int64_t tags_at;    /* which these are; -1: none */
    void *decompressor;
};

/* Frees its memory; it can be used for another block then. */
void events_block_fini(struct events_block *block);

/* Checks all of a block and stands ready to read it; its bytes must stay. Times are read. TM_CORRUPT,
 * TM_NOMEM. */
enum tm_err events_block_open(struct events_block *block, const struct chunk_key *key,
                              struct str bytes) TM_MUST_CHECK;

/* Reads the columns of these bits that were not read yet. TM_CORRUPT (a checksum was right and a format was
 * not), TM_NOMEM. */
enum tm_err events_block_read(struct events_block *block, uint32_t columns) TM_MUST_CHECK;

/* The first row with a time of at least this; head.count if there is none. */
size_t events_block_find(const struct events_block *block, time_ms_t time);

/* Sets the read columns of row in *event (others are as they were; time and service always). The tags that it
 * points to last until the next call. Once per event: fill with all columns zero before. */
void events_block_event(struct events_block *block, size_t row, uint32_t columns, struct http_event *event);

#endif
