#include "server/ingest/remote.h"

#include <math.h>
#include <xxhash.h>

#include "server/ingest/lines_slow.h"
#include "server/remote/remote_write.h"
#include "server/wire/utf8.h"

/* One series of the request. */
struct incoming {
    const struct remote_write *request;
    size_t i;
    struct remote_series is;
    uint32_t number; /* for people */
};

/* Whole numbers are decimals already; what others are, the chunks find out. */
static struct number number_of(double value)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    if (value >= -exact && value <= exact && value == floor(value) && !(value == 0 && signbit(value)))
        return number_of_decimal((int64_t)value, 0);
    return number_of_double(value);
}

/* Hash of the labels as they were sent, each with its length. A line's key is hashed without the first byte.
 */
static struct series_hash hash_labels(struct lines *l, const struct incoming *in)
{
    bytes_clear(&l->scratch);
    bytes_u8(&l->scratch, UINT8_MAX);
    for (size_t j = 0; j < in->is.labels; j++) {
        struct label label = remote_write_label(in->request, in->i, j);
        bytes_str(&l->scratch, label.name);
        bytes_str(&l->scratch, label.value);
    }
    struct str all = bytes_view(&l->scratch);
    XXH128_hash_t hash = XXH3_128bits_withSeed(all.ptr, all.len, store_hash_seed(l->store));
    return (struct series_hash){hash.low64, hash.high64};
}

static enum tm_err check_label(const struct lines *l, const struct label *label, struct tm_why *why)
{
    if (utf8_valid_len(label->value) != label->value.len)
        return tm_fail(why, TM_INVALID, "a label's value is no UTF-8, or has a NUL in it");
    if (str_equal(label->name, STR(LABEL_NAME)))
        return lines_check_metric(l, label->value, why);
    return lines_check_tag(l, label, why);
}

static enum tm_err gather_labels(const struct lines *l, const struct incoming *in, struct labels *set,
                                 struct tm_why *why)
{
    struct str twice;
    for (size_t j = 0; j < in->is.labels; j++) {
        struct label label = remote_write_label(in->request, in->i, j);
        enum tm_err err = check_label(l, &label, why);
        if (err)
            return err;
        if (labels_add(set, label.name, label.value))
            return tm_fail(why, TM_LIMIT, "a series has at most %d labels, its name among them", LABELS_MAX);
    }
    if (labels_sort(set, &twice))
        return tm_fail(why, TM_INVALID, "label %.*s stands twice", STR_ARG(twice));
    if (!labels_get(set, STR(LABEL_NAME)).len)
        return tm_fail(why, TM_INVALID, "the series has no name (label " LABEL_NAME ")");
    return TM_OK;
}

static enum tm_err make_series(struct lines *l, const struct incoming *in, struct series_hash hash,
                               series_id *id, struct tm_why *why)
{
    struct labels set = {.count = 0};
    enum tm_err err = gather_labels(l, in, &set, why);
    if (err)
        return err;
    struct str service = lines_service(l->config, &set);
    if (!l->writes_all && !access_allows_service(&l->access, service))
        return lines_fail_scope(l, service, why);
    return store_series_intern(l->store, l->batch, hash, &set, service, id, why);
}

static enum tm_err find_series(struct lines *l, const struct incoming *in, series_id *id, struct tm_why *why)
{
    if (in->is.histograms)
        return tm_fail(why, TM_INVALID,
                       "native histograms are not stored; send classic ones (scrape without "
                       "--enable-feature=native-histograms)");
    struct series_hash hash = hash_labels(l, in);
    if (bytes_error(&l->scratch))
        return TM_NOMEM;
    *id = store_series_find(l->store, hash);
    if (*id && (l->writes_all || access_allows_service(&l->access, store_series_service(l->store, *id))))
        return TM_OK;
    return make_series(l, in, hash, id, why);
}

static enum tm_err add_samples(struct lines *l, const struct incoming *in, series_id id)
{
    for (size_t j = 0; j < in->is.samples; j++) {
        struct tm_why why;
        time_ms_t time;
        double value = remote_write_sample(in->request, in->i, j, &time);
        enum tm_err err = lines_check_time(l, EVENT_METRIC, time, &why);
        if (!err)
            err = store_batch_sample(l->batch, id, time, number_of(value));
        if (err == TM_NOMEM)
            return err;
        if (err)
            reply_reject(l->reply, in->number, &why);
        else
            l->reply->accepted++;
        l->samples += !err;
    }
    return TM_OK;
}

/* What is no text, or has no name, is passed over: it is a help, no data. */
static void keep_metadata(const struct remote_write *request, struct metadata *metadata)
{
    size_t count = remote_write_metadata_count(request);
    for (size_t i = 0; i < count; i++) {
        struct remote_metadata one = remote_write_metadata(request, i);
        if (metric_name_valid(one.name) && utf8_valid_len(one.help) == one.help.len &&
            utf8_valid_len(one.unit) == one.unit.len)
            metadata_put(metadata, &(struct metric_metadata){one.name, one.type, one.help, one.unit});
    }
}

enum tm_err remote_take(struct lines *lines, struct str body, struct metadata *metadata, struct tm_why *why)
{
    struct remote_write *request = NULL;
    enum tm_err err =
        remote_write_read(body, (size_t)lines->config->limits.max_decompressed_bytes, &request, why);
    size_t count = err ? 0 : remote_write_count(request);
    if (!err)
        keep_metadata(request, metadata);
    for (size_t i = 0; i < count && !err; i++) {
        struct incoming in = {request, i, remote_write_series(request, i), (uint32_t)i + 1};
        struct tm_why reason;
        series_id id;
        enum tm_err refused = find_series(lines, &in, &id, &reason);
        if (refused == TM_NOMEM)
            err = refused;
        else if (refused)
            reply_reject(lines->reply, in.number, &reason);
        else
            err = add_samples(lines, &in, id);
    }
    remote_write_free(request);
    return err;
}
