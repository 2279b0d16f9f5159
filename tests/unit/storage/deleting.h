/* Deleting, for tests that wait for it. */
#ifndef TM_TESTS_STORAGE_DELETING_H
#define TM_TESTS_STORAGE_DELETING_H

#include "tests/unit/storage/engine.h"

struct deleted {
    int answers;
    enum tm_err err;
    uint64_t id;
    uint64_t series;
    char text[400];
};

static inline void deleted_done(void *arg, enum tm_err err, const struct deletion_result *result)
{
    struct deleted *deleted = arg;
    deleted->answers++;
    deleted->err = err;
    deleted->id = result->id;
    deleted->series = result->series;
    (void)snprintf(deleted->text, sizeof deleted->text, "%s", result->text);
}

/* Hands a delete over, without waiting. */
static inline enum tm_err begin_delete(struct fixture *f, const char *text, struct span span,
                                       struct deleted *out)
{
    struct selector selector;
    struct deletion_order order = {&selector, 1, span};
    *out = (struct deleted){0};
    assert_int_equal(selector_parse(str_of(text), &selector, &f->why), TM_OK);
    enum tm_err err = store_delete(f->store, &order, deleted_done, out, &f->why);
    selector_fini(&selector);
    return err;
}

static inline void wait_deleted(struct fixture *f, const struct deleted *deleted)
{
    static const struct timespec moment = {0, 200000};
    for (int i = 0; i < 100000 && deleted->answers == 0; i++) {
        store_poll(f->store);
        (void)nanosleep(&moment, NULL);
    }
    assert_int_equal(deleted->answers, 1);
}

/* Deletes and waits for the answer. */
static inline struct deleted delete_now(struct fixture *f, const char *text, struct span span)
{
    struct deleted deleted;
    assert_int_equal(begin_delete(f, text, span, &deleted), TM_OK);
    wait_deleted(f, &deleted);
    return deleted;
}

#endif
