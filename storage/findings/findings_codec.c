/* Findings as bytes, and which are wanted. */
#include "storage/findings/findings_codec.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { VERSION = 1, PACKED = 1, PACK_FROM_BYTES = 256, ZSTD_LEVEL = 3 };

static bool is_short(enum finding_kind kind)
{
    return kind == FINDING_ANOMALY || kind == FINDING_FEEDBACK;
}

/* All but the body. */
static bool is_sound(const struct finding *finding)
{
    if (finding->kind >= FINDING_KIND_COUNT || finding->id == 0 ||
        !(finding->score >= 0 && finding->score <= 100))
        return false;
    if (finding->service.len > FINDING_NAME_MAX || finding->env.len > FINDING_NAME_MAX)
        return false;
    if (finding->end == 0)
        return true;
    if (finding->end < finding->time)
        return false;
    /* unsigned: the difference of two times may not fit */
    return !is_short(finding->kind) ||
           (uint64_t)finding->end - (uint64_t)finding->time <= (uint64_t)FINDING_SHORT_MS;
}

static bool is_body(size_t len)
{
    return len >= 2 && len <= FINDING_BODY_MAX;
}

bool finding_is_valid(const struct finding *finding)
{
    return is_sound(finding) && is_body(finding->body.len) && finding->body.ptr[0] == '{' &&
           finding->body.ptr[finding->body.len - 1] == '}';
}

static void put_score(struct bytes *out, double score)
{
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    bytes_u64(out, bits);
}

static double take_score(struct cursor *in)
{
    uint64_t bits = cursor_u64(in);
    double score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

void finding_encode(const struct finding *finding, struct bytes *out)
{
    bytes_u8(out, VERSION);
    bytes_u8(out, (uint8_t)finding->kind);
    bytes_u64(out, finding->id);
    bytes_u64(out, (uint64_t)finding->end);
    put_score(out, finding->score);
    bytes_str(out, finding->service);
    bytes_str(out, finding->env);
    bytes_str(out, finding->body);
}

enum tm_err finding_decode(time_ms_t time, struct str line, struct finding *out)
{
    struct cursor in = cursor_of(line.ptr, line.len);
    *out = (struct finding){.time = time};
    uint8_t version = cursor_u8(&in);
    out->kind = (enum finding_kind)cursor_u8(&in);
    out->id = cursor_u64(&in);
    out->end = (time_ms_t)cursor_u64(&in);
    out->score = take_score(&in);
    out->service = cursor_str(&in);
    out->env = cursor_str(&in);
    out->body = cursor_str(&in);
    bool is_ours = !in.bad && cursor_left(&in) == 0 && version == VERSION;
    return is_ours && finding_is_valid(out) ? TM_OK : TM_CORRUPT;
}

/* ---- values ---- */

void finding_zip_fini(struct finding_zip *zip)
{
    (void)ZSTD_freeCCtx(zip->pack);
    (void)ZSTD_freeDCtx(zip->unpack);
    *zip = (struct finding_zip){0};
}

/* False: it would not get smaller. */
static bool pack_body(struct str body, struct finding_zip *zip, struct bytes *out)
{
    if (!zip->pack)
        zip->pack = ZSTD_createCCtx();
    size_t before = out->len;
    bytes_varint(out, body.len);
    bool is_tried = zip->pack && body.len >= PACK_FROM_BYTES; /* without memory it stays as it is */
    uint8_t *to = is_tried ? bytes_reserve(out, body.len) : NULL;
    size_t len = to ? ZSTD_compressCCtx(zip->pack, to, body.len - 1, body.ptr, body.len, ZSTD_LEVEL) : 0;
    bool is_smaller = to && !ZSTD_isError(len);
    out->len = is_smaller ? out->len + len : before;
    return is_smaller;
}

void finding_pack(const struct finding *finding, struct finding_zip *zip, struct bytes *out)
{
    bytes_u8(out, VERSION);
    size_t flags_at = out->len;
    bytes_u8(out, 0);
    bytes_u64(out, (uint64_t)finding->end);
    put_score(out, finding->score);
    bytes_str(out, finding->service);
    bytes_str(out, finding->env);
    bool is_packed = !out->failed && pack_body(finding->body, zip, out);
    if (is_packed)
        out->data[flags_at] = PACKED;
    else
        bytes_put(out, finding->body.ptr, finding->body.len);
}

enum tm_err finding_unpack(const struct finding *key, struct cursor in, struct finding_packed *out)
{
    *out = (struct finding_packed){.finding = {.kind = key->kind, .id = key->id, .time = key->time}};
    uint8_t version = cursor_u8(&in), flags = cursor_u8(&in);
    out->finding.end = (time_ms_t)cursor_u64(&in);
    out->finding.score = take_score(&in);
    out->finding.service = cursor_str(&in);
    out->finding.env = cursor_str(&in);
    out->is_packed = flags == PACKED;
    uint64_t len = out->is_packed ? cursor_varint(&in) : cursor_left(&in);
    out->body = cursor_take(&in, cursor_left(&in));
    if (in.bad || version != VERSION || flags > PACKED || !is_body(len) || !is_sound(&out->finding))
        return TM_CORRUPT;
    out->body_len = (uint32_t)len;
    return TM_OK;
}

enum tm_err finding_unpack_body(const struct finding_packed *packed, struct finding_zip *zip,
                                struct bytes *out)
{
    if (packed->is_packed && !zip->unpack)
        zip->unpack = ZSTD_createDCtx();
    uint8_t *to = bytes_reserve(out, packed->body_len);
    size_t len = packed->body.len;
    if (!to || (packed->is_packed && !zip->unpack))
        return TM_NOMEM;
    if (packed->is_packed)
        len = ZSTD_decompressDCtx(zip->unpack, to, packed->body_len, packed->body.ptr, packed->body.len);
    else
        memcpy(to, packed->body.ptr, len);
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return TM_NOMEM; /* lack of memory is not damage */
    if (len != packed->body_len || to[0] != '{' || to[len - 1] != '}')
        return TM_CORRUPT;
    out->len += len;
    return TM_OK;
}

/* ---- which are wanted ---- */

static bool reaches(const struct finding *finding, time_ms_t from)
{
    if (finding->time >= from)
        return true;
    return finding->end == 0 ? finding->kind == FINDING_INCIDENT : finding->end > from;
}

static bool is_behind(const struct finding *finding, const struct findings_place *place)
{
    if (!place->is_begun || finding->time < place->time)
        return true;
    return finding->time == place->time && finding->id < place->id;
}

bool finding_matches(const struct finding *finding, const struct findings_wanted *wanted)
{
    if (wanted->service.len > 0 && !str_equal(wanted->service, finding->service))
        return false;
    if (wanted->env.len > 0 && !str_equal(wanted->env, finding->env))
        return false;
    return finding->score >= wanted->min_score && finding->time < wanted->span.to &&
           is_behind(finding, &wanted->behind) && reaches(finding, wanted->span.from);
}

time_ms_t findings_first_time(const struct findings_wanted *wanted)
{
    if (!is_short(wanted->kind) || wanted->span.from < INT64_MIN + FINDING_SHORT_MS)
        return INT64_MIN;
    return wanted->span.from - FINDING_SHORT_MS;
}
