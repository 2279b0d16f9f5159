#include "server/remote/remote_write.h"

#include <snappy-c.h>
#include <stdint.h>
#include <stdlib.h>

#include "remote_write.pb-c.h"

/* What a request takes in memory, at most: a sample of 17 bytes takes 50, an empty message of 2 bytes
 * takes 60. Beside a floor for small ones. */
enum { MEMORY_PER_BYTE = 8, MEMORY_FLOOR_BYTES = 64 << 10, BLOCK_BYTES = 64 << 10, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) uint8_t data[];
};

struct remote_write {
    struct block *blocks;
    size_t left; /* of memory that it may take */
    bool is_too_large;
    bool is_out_of_memory;
    Remote__WriteRequest *body;
};

/* ---- memory: taken in blocks, given back at once ---- */

static struct block *add_block(struct remote_write *request, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (bytes > request->left) {
        request->is_too_large = true;
        return NULL;
    }
    struct block *block = malloc(sizeof *block + size);
    if (!block) {
        request->is_out_of_memory = true;
        return NULL;
    }
    request->left -= size < request->left ? size : request->left;
    block->used = 0;
    block->size = size;
    block->next = request->blocks;
    request->blocks = block;
    return block;
}

static void *take_bytes(void *arg, size_t bytes)
{
    struct remote_write *request = arg;
    struct block *block = request->blocks;
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded < bytes)
        return NULL;
    if (!block || block->size - block->used < rounded)
        block = add_block(request, rounded);
    if (!block)
        return NULL;
    void *at = block->data + block->used;
    block->used += rounded;
    return at;
}

static void keep_bytes(void *arg, void *bytes)
{
    (void)arg, (void)bytes; /* all go with the request */
}

void remote_write_free(struct remote_write *request)
{
    while (request && request->blocks) {
        struct block *block = request->blocks;
        request->blocks = block->next;
        free(block);
    }
    free(request);
}

/* ---- reading ---- */

static enum tm_err decompress(struct str body, size_t max_bytes, char **out, size_t *len, struct tm_why *why)
{
    if (snappy_uncompressed_length(body.ptr, body.len, len) != SNAPPY_OK)
        return tm_fail(why, TM_INVALID, "the body is not snappy, as remote write sends it (block format)");
    if (*len > max_bytes)
        return tm_fail(
            why, TM_TOO_LARGE,
            "the body has %zu bytes once decompressed, more than limits.max_decompressed (%zu); send "
            "smaller batches (queue_config.max_samples_per_send)",
            *len, max_bytes);
    *out = malloc(*len + 1);
    if (!*out)
        return TM_NOMEM;
    if (snappy_uncompress(body.ptr, body.len, *out, len) == SNAPPY_OK)
        return TM_OK;
    free(*out);
    *out = NULL;
    return tm_fail(why, TM_INVALID, "the body's snappy is broken");
}

static enum tm_err unpack(struct remote_write *request, const char *data, size_t len, struct tm_why *why)
{
    ProtobufCAllocator allocator = {take_bytes, keep_bytes, request};
    request->left = MEMORY_FLOOR_BYTES + len * MEMORY_PER_BYTE;
    request->body = remote__write_request__unpack(&allocator, len, (const uint8_t *)data);
    if (request->is_out_of_memory)
        return TM_NOMEM;
    if (request->is_too_large)
        return tm_fail(why, TM_TOO_LARGE,
                       "the body holds too many empty messages for its %zu bytes; send series with samples",
                       len);
    if (!request->body)
        return tm_fail(
            why, TM_INVALID,
            "the body is no WriteRequest of Prometheus remote write 1.0 (protobuf, behind snappy)");
    if (request->body->n_symbols_v2 || request->body->n_timeseries_v2)
        return tm_fail(
            why, TM_INVALID,
            "the body is of remote write 2.0; set protobuf_message: prometheus.WriteRequest (1.0)");
    return TM_OK;
}

enum tm_err remote_write_read(struct str body, size_t max_bytes, struct remote_write **out,
                              struct tm_why *why)
{
    char *data = NULL;
    size_t len = 0;
    struct remote_write *request = NULL;
    enum tm_err err = decompress(body, max_bytes, &data, &len, why);
    if (err)
        return err;
    request = calloc(1, sizeof *request);
    err = request ? unpack(request, data, len, why) : TM_NOMEM;
    free(data); /* the library copies */
    if (err) {
        remote_write_free(request);
        return err;
    }
    *out = request;
    return TM_OK;
}

/* ---- looking ---- */

static struct str view_of(ProtobufCBinaryData data)
{
    return data.len ? (struct str){(const char *)data.data, data.len} : STR("");
}

size_t remote_write_count(const struct remote_write *request)
{
    return request->body->n_timeseries;
}

struct remote_series remote_write_series(const struct remote_write *request, size_t i)
{
    const Remote__TimeSeries *series = request->body->timeseries[i];
    return (struct remote_series){series->n_labels, series->n_samples, series->n_histograms};
}

struct label remote_write_label(const struct remote_write *request, size_t i, size_t j)
{
    const Remote__Label *label = request->body->timeseries[i]->labels[j];
    return (struct label){view_of(label->name), view_of(label->value)};
}

double remote_write_sample(const struct remote_write *request, size_t i, size_t j, time_ms_t *time)
{
    const Remote__Sample *sample = request->body->timeseries[i]->samples[j];
    *time = sample->timestamp;
    return sample->value;
}

size_t remote_write_metadata_count(const struct remote_write *request)
{
    return request->body->n_metadata;
}

struct remote_metadata remote_write_metadata(const struct remote_write *request, size_t i)
{
    const Remote__MetricMetadata *data = request->body->metadata[i];
    return (struct remote_metadata){view_of(data->metric_family_name), data->type, view_of(data->help),
                                    view_of(data->unit)};
}
