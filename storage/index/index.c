#include "storage/index/index.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "storage/grow.h"
#include "storage/index/index_private.h"
#include "storage/model/labels.h"

enum {
    CHECK_EVERY = 64,    /* changes between two looks at whether memory is left */
    ROOM_BYTES = 1 << 18 /* more than what that many changes take, but for hostile ones */
};

struct index *index_new(void)
{
    struct index *ix = calloc(1, sizeof *ix);
    if (ix && getrandom(&ix->seed, sizeof ix->seed, 0) != (ssize_t)sizeof ix->seed)
        ix->seed ^= (uintptr_t)ix;
    return ix;
}

void index_free(struct index *ix)
{
    if (!ix)
        return;
    for (uint32_t i = 0; i < ix->names.count; i++)
        values_fini(&ix->slab, &ix->tables[i]);
    free(ix->tables);
    values_fini(&ix->slab, &ix->names);
    values_fini(&ix->slab, &ix->services);
    postings_fini(&ix->slab, &ix->all);
    slab_fini(&ix->slab);
    free(ix);
}

uint32_t index_find_name(const struct index *ix, struct str name)
{
    return values_find(&ix->slab, &ix->names, name, values_hash(name, ix->seed));
}

/* CRoaring does not look whether its memory is there: see index_postings.h. */
static enum tm_err check_room(struct index *ix)
{
    if (ix->changes++ % CHECK_EVERY != 0)
        return TM_OK;
    if (postings_has_room(ROOM_BYTES))
        return TM_OK;
    ix->changes = 0;
    return TM_NOMEM;
}

/* ---- one text of one series ---- */

/* Finds text among values or adds it, and puts id into its postings. */
static enum tm_err add_to(struct index *ix, struct values *values, struct str text, uint32_t id,
                          uint32_t *place)
{
    uint32_t hash = values_hash(text, ix->seed);
    uint32_t at = values_find(&ix->slab, values, text, hash);
    bool is_new = at == VALUES_NONE;
    enum tm_err err = is_new ? values_add(&ix->slab, values, text, hash, &at) : TM_OK;
    if (err)
        return err;
    err = postings_add(&ix->slab, &values->at[at].postings, id);
    if (err && is_new)
        values_remove(&ix->slab, values, at);
    *place = at;
    return err;
}

/* Takes id out; a text without series goes. True if it went. */
static bool remove_from(struct index *ix, struct values *values, uint32_t at, uint32_t id)
{
    struct postings *p = &values->at[at].postings;
    postings_remove(&ix->slab, p, id);
    if (postings_count(p) > 0)
        return false;
    values_remove(&ix->slab, values, at);
    return true;
}

static void remove_name(struct index *ix, uint32_t at, uint32_t id)
{
    if (!remove_from(ix, &ix->names, at, id))
        return;
    values_fini(&ix->slab, &ix->tables[at]);
    ix->tables[at] = ix->tables[ix->names.count];
}

static void remove_label(struct index *ix, struct label label, uint32_t id)
{
    uint32_t name = index_find_name(ix, label.name);
    assert(name != VALUES_NONE);
    struct values *values = &ix->tables[name];
    uint32_t at = values_find(&ix->slab, values, label.value, values_hash(label.value, ix->seed));
    if (at != VALUES_NONE)
        (void)remove_from(ix, values, at, id);
    remove_name(ix, name, id);
}

static enum tm_err add_label(struct index *ix, struct label label, uint32_t id)
{
    struct values *tables =
        grow_array(ix->tables, &ix->table_capacity, (size_t)ix->names.count + 1, sizeof *tables);
    if (!tables)
        return TM_NOMEM;
    ix->tables = tables;
    uint32_t names = ix->names.count;
    uint32_t name;
    uint32_t place;
    enum tm_err err = add_to(ix, &ix->names, label.name, id, &name);
    if (err)
        return err;
    if (ix->names.count > names)
        tables[name] = (struct values){0};
    err = add_to(ix, &tables[name], label.value, id, &place);
    if (err)
        remove_name(ix, name, id);
    return err;
}

/* ---- series ---- */

static enum tm_err check_texts(const struct labels *labels, struct str service)
{
    bool fits = service.len <= VALUES_TEXT_MAX_BYTES;
    for (size_t i = 0; i < labels->count; i++)
        fits = fits && labels->at[i].name.len <= VALUES_TEXT_MAX_BYTES &&
               labels->at[i].value.len <= VALUES_TEXT_MAX_BYTES;
    return fits ? TM_OK : TM_TOO_LARGE;
}

enum tm_err index_add(struct index *ix, uint32_t id, struct str labels, struct str service)
{
    struct labels set;
    uint32_t place;
    assert(id > 0 && id <= INDEX_ID_MAX);
    if (postings_has(&ix->slab, &ix->all, id))
        return TM_EXISTS;
    enum tm_err err = labels_decode(labels, &set);
    if (!err)
        err = check_texts(&set, service);
    if (!err)
        err = check_room(ix);
    if (!err)
        err = postings_add(&ix->slab, &ix->all, id);
    if (err)
        return err;
    size_t done = 0;
    err = add_to(ix, &ix->services, service, id, &place);
    if (err)
        goto undo_id;
    for (; done < set.count; done++) {
        err = add_label(ix, set.at[done], id);
        if (err)
            goto undo;
    }
    ix->id_max = id > ix->id_max ? id : ix->id_max;
    return TM_OK;
undo:
    while (done-- > 0)
        remove_label(ix, set.at[done], id);
    /* Labels don't touch the services, so the place is still right. */
    (void)remove_from(ix, &ix->services, place, id);
undo_id:
    postings_remove(&ix->slab, &ix->all, id);
    return err;
}

/* Is every label of set one of id's? */
static bool bears(const struct index *ix, uint32_t id, const struct labels *set)
{
    for (size_t i = 0; i < set->count; i++) {
        uint32_t name = index_find_name(ix, set->at[i].name);
        if (name == VALUES_NONE)
            return false;
        const struct values *values = &ix->tables[name];
        struct str value = set->at[i].value;
        uint32_t at = values_find(&ix->slab, values, value, values_hash(value, ix->seed));
        if (at == VALUES_NONE || !postings_has(&ix->slab, &values->at[at].postings, id))
            return false;
    }
    return true;
}

enum tm_err index_remove(struct index *ix, uint32_t id, struct str labels, struct str service)
{
    struct labels set;
    enum tm_err err = labels_decode(labels, &set);
    if (err)
        return err;
    uint32_t owner = values_find(&ix->slab, &ix->services, service, values_hash(service, ix->seed));
    if (owner == VALUES_NONE || !postings_has(&ix->slab, &ix->services.at[owner].postings, id) ||
        !bears(ix, id, &set))
        return TM_NOT_FOUND;
    err = check_room(ix);
    if (err)
        return err;
    for (size_t i = 0; i < set.count; i++)
        remove_label(ix, set.at[i], id);
    ix->removals++;
    (void)remove_from(ix, &ix->services, owner, id);
    postings_remove(&ix->slab, &ix->all, id);
    return TM_OK;
}

/* ---- counting ---- */

size_t index_count(const struct index *ix)
{
    return postings_count(&ix->all);
}

size_t index_value_count(const struct index *ix, struct str name, struct str value)
{
    uint32_t at = index_find_name(ix, name);
    if (at == VALUES_NONE)
        return 0;
    const struct values *values = &ix->tables[at];
    uint32_t found = values_find(&ix->slab, values, value, values_hash(value, ix->seed));
    return found == VALUES_NONE ? 0 : postings_count(&values->at[found].postings);
}

size_t index_bytes(const struct index *ix)
{
    size_t bytes = sizeof *ix + slab_bytes(&ix->slab) + ix->table_capacity * sizeof *ix->tables +
                   values_bytes(&ix->slab, &ix->names) + values_bytes(&ix->slab, &ix->services) +
                   postings_bytes(&ix->slab, &ix->all);
    for (uint32_t i = 0; i < ix->names.count; i++)
        bytes += values_bytes(&ix->slab, &ix->tables[i]);
    return bytes;
}
