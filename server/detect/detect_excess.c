/* Where the excess of sums lies, from their anomalies to the incident of the minute. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"

enum { SAID_MAX = 256 }; /* minutes and envs of what is told at once */

struct detect_said {
    int64_t minute;
    uint16_t env;
    struct detect_excess excess;
    char *text; /* owned */
};

static struct str put_text(char **at, struct str from)
{
    struct str copy = {*at, from.len};
    if (from.len > 0)
        memcpy(*at, from.ptr, from.len);
    *at += from.len;
    return copy;
}

bool detect_excess_copy(const struct detect_excess *from, struct detect_excess *to, char **text)
{
    size_t len = from->of.len + 1;
    for (size_t i = 0; i < from->count; i++)
        len += from->labels[i].len;
    char *block = malloc(len), *at = block;
    if (!block)
        return false;
    struct detect_excess copy = *from;
    copy.of = put_text(&at, from->of);
    for (size_t i = 0; i < from->count; i++)
        copy.labels[i] = put_text(&at, from->labels[i]);
    free(*text);
    *text = block;
    *to = copy;
    return true;
}

static bool is_of_group(const struct detect_excess *excess)
{
    struct labels labels;
    return labels_decode(excess->of, &labels) == TM_OK && labels_get(&labels, STR("page_group")).len > 0;
}

bool detect_excess_is_better(const struct detect_excess *one, const struct detect_excess *other)
{
    if (one->count == 0 || other->count == 0)
        return one->count > other->count;
    bool is_part = is_of_group(one);
    return is_part == is_of_group(other) ? one->score > other->score : !is_part;
}

static struct detect_said *find_said(const struct detect_engine *engine, int64_t minute, uint16_t env)
{
    for (size_t i = 0; i < engine->said_count; i++) {
        if (engine->said[i].minute == minute && engine->said[i].env == env)
            return &engine->said[i];
    }
    return NULL;
}

void detect_excess_note(struct detect_engine *engine, const struct detect_service *service,
                        const struct detect_heard *heard, const struct detect_shares *shares)
{
    const struct detect_target *target = &service->targets[heard->target];
    struct detect_excess excess = {.score = heard->result.score,
                                   .is_fall = heard->observed < heard->result.expected,
                                   .of = detect_labels(target)};
    for (size_t i = 0; i < shares->set_count; i++) {
        if (bytes_error(&shares->sets[i]) || shares->sets[i].len <= 1)
            continue; /* it is what these lack */
        excess.labels[excess.count] = bytes_view(&shares->sets[i]);
        excess.share[excess.count++] = shares->share[i];
    }
    struct detect_said *said = find_said(engine, heard->minute, target->env);
    if (excess.count == 0 || excess.score < DETECT_KEPT_SCORE ||
        (said && !detect_excess_is_better(&excess, &said->excess)))
        return;
    if (!engine->said)
        engine->said = calloc(SAID_MAX, sizeof *engine->said);
    if (!engine->said || (!said && engine->said_count == SAID_MAX))
        return;
    if (!said)
        said = &engine->said[engine->said_count];
    if (!detect_excess_copy(&excess, &said->excess, &said->text))
        return;
    said->minute = heard->minute;
    said->env = target->env;
    engine->said_count += said == &engine->said[engine->said_count];
}

struct detect_excess detect_excess_of(const struct detect_engine *engine, int64_t minute, uint16_t env)
{
    const struct detect_said *said = find_said(engine, minute, env);
    return said ? said->excess : (struct detect_excess){.score = 0};
}

void detect_excess_forget(struct detect_engine *engine)
{
    for (size_t i = 0; i < engine->said_count; i++)
        free(engine->said[i].text);
    free(engine->said);
    engine->said = NULL;
    engine->said_count = 0;
}
