/* A kept file of states of series, with the sum that belongs to it put behind the bytes: what is taken is
 * written again and read again as the same, learns on without a number that is none, and any cut or changed
 * byte of a whole file is noticed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/detect_states.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { STEP_MS = 60000, PUSHES = 8 };

static void require(bool good)
{
    if (!good)
        abort();
}

struct again {
    const struct score_first_model *model;
    struct bytes file;
    size_t count;
};

/* Goes on with it as scoring would. */
static void push_some(const struct score_first_model *model, struct score_first state)
{
    for (int i = 0; i < PUSHES; i++) {
        struct score_first_result result;
        double value = i % 2 ? state.last : 1e30;
        score_first_push(model, &state, state.last_ms / 2 + i * (time_ms_t)STEP_MS, 0, value, &result);
        require(isfinite(result.score) && result.score >= 0 && result.score <= 100);
        require(isfinite(result.expected) && isfinite(result.spread) && isfinite(result.effect));
    }
}

static enum tm_err take(void *arg, const struct detect_kept *kept)
{
    struct again *again = arg;
    detect_states_put(again->model, kept, &again->file);
    again->count++;
    push_some(again->model, *kept->state);
    return TM_OK;
}

static void read_again(const struct again *first)
{
    struct again second = {.model = first->model};
    detect_states_begin(STEP_MS, &second.file);
    require(detect_states_take(first->model, STEP_MS, bytes_view(&first->file), take, &second) == TM_OK);
    detect_states_end(&second.file);
    require(second.count == first->count && second.file.len == first->file.len);
    require(memcmp(second.file.data, first->file.data, first->file.len) == 0);
    bytes_fini(&second.file);
}

static enum tm_err take_none(void *arg, const struct detect_kept *kept)
{
    (void)kept;
    return ++*(size_t *)arg, TM_OK;
}

/* One that is cut or changed gives nothing. */
static void spoil(const struct score_first_model *model, struct bytes *file, size_t at)
{
    size_t given = 0;
    file->data[at % file->len] ^= 0x10;
    require(detect_states_take(model, STEP_MS, bytes_view(file), take_none, &given) == TM_CORRUPT);
    file->data[at % file->len] ^= 0x10;
    const struct str cut = {(const char *)file->data, at % file->len};
    require(detect_states_take(model, STEP_MS, cut, take_none, &given) == TM_CORRUPT && given == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct score_first_model model;
    struct again again = {.model = &model};
    struct bytes file = {0};
    if (len < 2)
        return 0;
    score_first_model_init(&model, FIRST_OPERATIONS, FIRST_SEED);
    bytes_put(&file, data, len);
    bytes_u64(&file, XXH3_64bits(data, len));
    detect_states_begin(STEP_MS, &again.file);
    enum tm_err err = detect_states_take(&model, STEP_MS, bytes_view(&file), take, &again);
    require(err == TM_OK || err == TM_CORRUPT || err == TM_INVALID);
    detect_states_end(&again.file);
    read_again(&again);
    spoil(&model, &again.file, (size_t)data[0] * 256 + data[1]);
    bytes_fini(&again.file);
    bytes_fini(&file);
    return 0;
}
