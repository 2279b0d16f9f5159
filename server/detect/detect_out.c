#include "server/detect/detect_out.h"

#include <string.h>
#include <xxhash.h>

#include "storage/findings/findings.h"
#include "storage/model/labels.h"
#include "storage/store.h"

void detect_out_fini(struct detect_out *out)
{
    bytes_fini(&out->findings);
    bytes_fini(&out->samples);
    *out = (struct detect_out){.finding_count = 0};
}

void detect_out_clear(struct detect_out *out)
{
    bytes_clear(&out->findings);
    bytes_clear(&out->samples);
    out->finding_count = out->sample_count = out->lost_count = 0;
}

/* What was added behind `before` is there, or nothing of it. */
static void count_whole(struct detect_out *out, struct bytes *b, size_t before, size_t *count)
{
    if (!b->failed) {
        ++*count;
        return;
    }
    b->len = before;
    b->failed = false;
    out->lost_count++;
}

/* Doubles as they are: this never leaves the process. */
static void put_double(struct bytes *b, double value)
{
    bytes_put(b, &value, sizeof value);
}

static double take_double(struct cursor *c)
{
    double value = 0;
    struct str bytes = cursor_take(c, sizeof value);
    if (bytes.len == sizeof value)
        memcpy(&value, bytes.ptr, sizeof value);
    return value;
}

void detect_out_finding(struct detect_out *out, const struct finding *finding)
{
    struct bytes *b = &out->findings;
    size_t before = b->len;
    bytes_u8(b, (uint8_t)finding->kind);
    bytes_u64(b, finding->id);
    bytes_zigzag(b, finding->time);
    bytes_zigzag(b, finding->end);
    put_double(b, finding->score);
    bytes_str(b, finding->service);
    bytes_str(b, finding->env);
    bytes_str(b, finding->body);
    count_whole(out, b, before, &out->finding_count);
}

void detect_out_sample(struct detect_out *out, struct str labels, struct str service, time_ms_t time,
                       double value)
{
    size_t before = out->samples.len;
    bytes_str(&out->samples, labels);
    bytes_str(&out->samples, service);
    bytes_zigzag(&out->samples, time);
    put_double(&out->samples, value);
    count_whole(out, &out->samples, before, &out->sample_count);
}

/* ---- into a batch ---- */

static struct finding take_finding(struct cursor *c)
{
    struct finding finding = {.kind = (enum finding_kind)cursor_u8(c)};
    finding.id = cursor_u64(c);
    finding.time = cursor_zigzag(c);
    finding.end = cursor_zigzag(c);
    finding.score = take_double(c);
    finding.service = cursor_str(c);
    finding.env = cursor_str(c);
    finding.body = cursor_str(c);
    return finding;
}

void detect_out_each(const struct detect_out *out, void (*each)(void *arg, const struct finding *finding),
                     void *arg)
{
    struct cursor c = cursor_of(out->findings.data, out->findings.len);
    for (size_t i = 0; i < out->finding_count && !c.bad; i++) {
        const struct finding finding = take_finding(&c);
        if (!c.bad)
            each(arg, &finding);
    }
}

static enum tm_err add_finding(struct cursor *c, struct batch *batch)
{
    const struct finding finding = take_finding(c);
    enum tm_err err = c->bad ? TM_NOMEM : store_batch_finding(batch, &finding);
    return err == TM_INVALID ? TM_OK : err; /* over a bound: it can't be kept, the others can */
}

static enum tm_err add_sample(struct cursor *c, struct store *store, struct batch *batch, size_t *refused)
{
    struct labels labels = {.count = 0};
    struct tm_why why;
    series_id id = 0;
    struct str encoded = cursor_str(c), service = cursor_str(c);
    time_ms_t time = cursor_zigzag(c);
    double value = take_double(c);
    if (c->bad || labels_decode(encoded, &labels) != TM_OK)
        return TM_NOMEM;
    XXH128_hash_t key = XXH3_128bits_withSeed(encoded.ptr, encoded.len, store_hash_seed(store) + 1);
    struct series_hash hash = {key.low64, key.high64};
    id = store_series_find(store, hash);
    enum tm_err err = id ? TM_OK : store_series_intern(store, batch, hash, &labels, service, &id, &why);
    if (err == TM_NOMEM)
        return err;
    *refused += err != TM_OK;
    return err ? TM_OK : store_batch_sample(batch, id, time, number_of_double(value));
}

enum tm_err detect_out_batch(const struct detect_out *out, struct store *store, struct batch *batch,
                             size_t *refused)
{
    struct cursor findings = cursor_of(out->findings.data, out->findings.len);
    struct cursor samples = cursor_of(out->samples.data, out->samples.len);
    enum tm_err err = TM_OK;
    store_batch_own(batch);
    for (size_t i = 0; i < out->sample_count && !err; i++)
        err = add_sample(&samples, store, batch, refused);
    for (size_t i = 0; i < out->finding_count && !err; i++)
        err = add_finding(&findings, batch);
    return err;
}
