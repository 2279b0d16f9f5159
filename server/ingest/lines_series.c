#include "server/ingest/lines_series.h"

#include "server/events/page_groups.h"

/* How much is folded, and how many series beyond a limit may be made for that: each step has room of its own,
 * so that a sender who fills one can't take it from the next. The last one makes few series, whatever is
 * sent. */
enum fold_step { FOLD_NOTHING, FOLD_DETAILS, FOLD_ALL_BUT_SERVICE, FOLD_ALL, FOLD_STEPS };
static const uint32_t spare[FOLD_STEPS] = {
    [FOLD_NOTHING] = 0, [FOLD_DETAILS] = 200, [FOLD_ALL_BUT_SERVICE] = 400, [FOLD_ALL] = 800};

static bool is_folded(const struct counted *counted, struct str name, enum fold_step step)
{
    if (str_equal(name, STR(LABEL_NAME)))
        return false;
    if (step == FOLD_ALL)
        return true;
    if (str_equal(name, counted->service_label))
        return false;
    return step != FOLD_DETAILS || !(str_equal(name, STR("env")) || str_equal(name, STR("status")));
}

enum tm_err lines_count_in(struct lines *lines, struct counted *counted, series_id *id, struct tm_why *why)
{
    struct str twice;
    if (labels_sort(&counted->set, &twice))
        return tm_fail(why, TM_INVALID, "label %.*s stands twice", STR_ARG(twice));
    enum tm_err err = store_series_intern(lines->store, lines->batch, counted->hash, &counted->set,
                                          counted->service, id, why);
    for (int step = FOLD_DETAILS; err == TM_LIMIT && step < FOLD_STEPS; step++) {
        for (size_t i = 0; i < counted->set.count; i++) {
            if (is_folded(counted, counted->set.at[i].name, (enum fold_step)step))
                counted->set.at[i].value = STR(PAGE_GROUP_OVERFLOW_NAME);
        }
        struct str owner = step == FOLD_ALL ? STR(PAGE_GROUP_OVERFLOW_NAME) : counted->service;
        err = store_series_fold(lines->store, lines->batch, counted->hash, &counted->set, owner, spare[step],
                                id, why);
    }
    return err;
}
