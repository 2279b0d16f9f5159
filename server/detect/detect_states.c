#include "server/detect/detect_states.h"

#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

static const char magic[] = "tmscore1";

enum { MAGIC_BYTES = 8, SUM_BYTES = 8 };

/* Minutes that can be: nothing is older than 1970 by more than the grace, and none behind the year
 * 200,000,000 at the shortest step. */
#define AT_MIN INT64_C(-1440)
#define AT_MAX (INT64_C(1) << 49)

/* ---- writing ---- */

void detect_states_begin(int64_t step_ms, struct bytes *out)
{
    bytes_put(out, magic, MAGIC_BYTES);
    bytes_u32(out, FIRST_VERSION);
    bytes_u32(out, (uint32_t)step_ms);
}

void detect_states_put(const struct score_first_model *model, const struct detect_kept *kept,
                       struct bytes *out)
{
    bytes_u64(out, kept->hash);
    bytes_zigzag(out, kept->at);
    bytes_str(out, kept->labels);
    uint8_t *at = bytes_reserve(out, FIRST_BYTES);
    if (!at)
        return;
    score_first_encode(model, kept->state, at);
    out->len += FIRST_BYTES;
}

void detect_states_end(struct bytes *out)
{
    bytes_u64(out, out->failed ? 0 : XXH3_64bits(out->data, out->len));
}

/* ---- reading ---- */

static enum tm_err take_state(const struct score_first_model *model, struct cursor *c,
                              struct score_first *state, struct detect_kept *out)
{
    out->hash = cursor_u64(c);
    out->at = cursor_zigzag(c);
    out->labels = cursor_str(c);
    out->state = state;
    struct str bytes = cursor_take(c, FIRST_BYTES);
    if (c->bad || out->at < AT_MIN || out->at > AT_MAX)
        return TM_CORRUPT;
    return score_first_decode(model, (const uint8_t *)bytes.ptr, bytes.len, state);
}

static bool is_whole(struct str file)
{
    const uint8_t *data = (const uint8_t *)file.ptr;
    if (file.len < MAGIC_BYTES + SUM_BYTES || memcmp(data, magic, MAGIC_BYTES) != 0)
        return false;
    struct cursor end = cursor_of(data + file.len - SUM_BYTES, SUM_BYTES);
    return cursor_u64(&end) == XXH3_64bits(data, file.len - SUM_BYTES);
}

enum tm_err detect_states_take(const struct score_first_model *model, int64_t step_ms, struct str file,
                               enum tm_err (*each)(void *arg, const struct detect_kept *kept), void *arg)
{
    struct score_first state;
    struct detect_kept kept;
    if (!is_whole(file))
        return TM_CORRUPT;
    struct cursor c = cursor_of((const uint8_t *)file.ptr + MAGIC_BYTES, file.len - MAGIC_BYTES - SUM_BYTES);
    if (cursor_u32(&c) != FIRST_VERSION || cursor_u32(&c) != (uint32_t)step_ms)
        return c.bad ? TM_CORRUPT : TM_INVALID;
    while (cursor_left(&c) > 0) {
        enum tm_err err = take_state(model, &c, &state, &kept);
        if (!err)
            err = each(arg, &kept);
        if (err)
            return err;
    }
    return TM_OK;
}
