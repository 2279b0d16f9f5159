#include "reports/deliver/json_text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

/* Has an allocation failed since the reading began? jansson hands nothing through to its allocator. */
static _Thread_local bool is_short;

static void *allocate(size_t size)
{
    void *block = malloc(size);
    is_short = is_short || !block;
    return block;
}

enum tm_err json_text_read(struct str text, struct json_t **out)
{
    json_set_alloc_funcs(allocate, free);
    is_short = false;
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    enum tm_err err = is_short ? TM_NOMEM : json_is_object(root) ? TM_OK : TM_CORRUPT;
    *out = err ? NULL : root;
    if (err)
        json_decref(root);
    return err;
}
