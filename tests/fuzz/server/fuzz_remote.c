/* A remote write body, as it comes over HTTP and, since hardly any input is snappy, as what is in it too.
 * Property: what is read fits its bound, and every view lies within the request (the sanitizer looks). */
#include <assert.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "server/remote/remote_write.h"

enum { MAX_BYTES = 1 << 20 };

static uint64_t look(struct str text)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++)
        sum += (uint8_t)text.ptr[i];
    return sum;
}

static void read_body(struct str body, size_t raw_len)
{
    struct remote_write *request = NULL;
    struct tm_why why;
    if (remote_write_read(body, MAX_BYTES, &request, &why)) {
        assert(!request && why.text[0]);
        return;
    }
    size_t count = remote_write_count(request), parts = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct remote_series series = remote_write_series(request, i);
        for (size_t j = 0; j < series.labels; j++) {
            struct label label = remote_write_label(request, i, j);
            sum += look(label.name) + look(label.value);
        }
        for (size_t j = 0; j < series.samples; j++) {
            time_ms_t time;
            double value = remote_write_sample(request, i, j, &time);
            sum += value > 0 && time > 0;
        }
        parts += series.labels + series.samples + series.histograms;
    }
    for (size_t i = 0; i < remote_write_metadata_count(request); i++) {
        struct remote_metadata metadata = remote_write_metadata(request, i);
        sum += look(metadata.name) + look(metadata.help) + look(metadata.unit);
        parts++;
    }
    assert(2 * (count + parts) <= raw_len); /* each takes a tag and a length at least */
    static volatile uint64_t kept;
    kept = sum;
    (void)kept;
    remote_write_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size ? (const char *)data : "", size};
    size_t len = snappy_max_compressed_length(size);
    char *packed = malloc(len);
    assert(packed && snappy_compress(text.ptr, size, packed, &len) == SNAPPY_OK);
    read_body((struct str){packed, len}, size);
    free(packed);
    read_body(text, MAX_BYTES);
    return 0;
}
