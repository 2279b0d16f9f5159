/* Making partitions and writing windows into them. */
#include "storage/partition/partition_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { REMOVE_AT_ONCE = 16384 };

struct partition_writer {
    struct partitions *set;
    struct partition *partition;
    struct chunk_sink sink;
};

/* ---- making ---- */

enum tm_err make_begin(struct partitions *set, struct partition_id id, const struct partition_meta *meta,
                       struct partition **out, struct tm_why *why)
{
    const char *suffix = suffix_text(SUFFIX_MAKING);
    struct partition_path path = path_of(set->dir, id, suffix, NULL);
    *out = NULL;
    enum tm_err err = folder_remove(set->dir, id.tier, path.text, &set->later, why);
    if (err)
        return err;
    struct partition *made = calloc(1, sizeof *made);
    if (!made)
        return tm_fail(why, TM_NOMEM, "out of memory");
    *made = (struct partition){.id = id, .suffix = suffix, .death_slot = -1};
    if (mkdir(path.text, 0750) != 0)
        err = file_fail(why, "making", path.text);
    struct txn_job job = {.set = set, .partition = made, .meta = meta};
    if (!err)
        err = txn_run(&job, why);
    if (!err)
        err = folder_sync(path.text, why);
    if (err)
        make_end(set, &made);
    else
        *out = made;
    return err;
}

void make_end(struct partitions *set, struct partition **made)
{
    if (!*made)
        return;
    set_lock(set);
    door_close(set, *made);
    set_unlock(set);
    free(*made);
    *made = NULL;
}

/* Gives what was made its name. A folder under it that the set does not know would stand in the way for good:
 * room for it is there before, and where the name could not be synced it is taken back. */
static enum tm_err name_made(struct partitions *set, struct partition_id id, struct tm_why *why)
{
    struct partition_path making = path_of(set->dir, id, suffix_text(SUFFIX_MAKING), NULL);
    struct partition_path named = path_of(set->dir, id, "", NULL);
    set_lock(set);
    bool has_room = set_reserve(set);
    set_unlock(set);
    if (!has_room)
        return tm_fail(why, TM_NOMEM, "out of memory, or too many partitions");
    enum tm_err err = folder_rename(set->dir, id.tier, making.text, named.text, why);
    set_fault_point(set, "create.renamed");
    if (err && !file_exists(making.text))
        (void)rename(named.text, making.text);
    if (err)
        return err;
    set_lock(set);
    (void)set_add(set, id);
    set_unlock(set);
    return TM_OK;
}

static enum tm_err create(struct partitions *set, struct partition_id id, struct tm_why *why)
{
    struct partition_meta meta = {.id = id};
    struct partition *made;
    enum tm_err err = TM_OK;
    /* What the last removal left would take the new one with it at the next start. */
    struct partition_id main_id = {.tier = id.tier, .period = id.period};
    struct partition_path dropped = path_of(set->dir, main_id, suffix_text(SUFFIX_DROPPED), NULL);
    err = folder_remove(set->dir, id.tier, dropped.text, &set->later, why);
    if (!err)
        err = make_begin(set, id, &meta, &made, why);
    if (err)
        return err;
    make_end(set, &made);
    set_fault_point(set, "create.made");
    return name_made(set, id, why);
}

/* ---- which one takes new data ---- */

enum seal_state { NOT_SEALED, HALF_SEALED, SEALED };

/* Opens it, so that its state is known. A damaged one is moved out of the way: *again. */
static enum tm_err look_inside(struct partitions *set, struct partition *p, enum seal_state *state,
                               bool *again, struct tm_why *why)
{
    enum tm_err err = door_enter(set, p, why);
    if (!err) {
        *state = p->pages.map ? SEALED : p->meta.sealed ? HALF_SEALED : NOT_SEALED;
        door_leave(set, p);
    }
    *again = false;
    if (err != TM_CORRUPT)
        return err;
    quarantine_rename(set, p);
    *again = !p->broken;
    return *again ? TM_OK : err;
}

static struct partition *find(struct partitions *set, struct partition_id id)
{
    set_lock(set);
    struct partition *p = set_find(set, id);
    set_unlock(set);
    return p;
}

/* An interrupted seal is finished first, so that what is late goes beside it. */
static enum tm_err choose(struct partitions *set, struct partition_id *id, struct partition **out,
                          bool *again, struct tm_why *why)
{
    struct partition *p = find(set, *id);
    *again = true;
    *out = NULL;
    if (!p)
        return create(set, *id, why);
    if (p->is_written)
        return tm_fail(why, TM_BUSY, "partition %s is being written already", env_label(p).text);
    enum seal_state state = NOT_SEALED;
    enum tm_err err = look_inside(set, p, &state, again, why);
    if (err || *again)
        return err;
    if (state != NOT_SEALED && !id->late) {
        err = state == SEALED ? TM_OK : partition_seal(set, id->tier, id->period, why);
        id->late = true;
        *again = true;
        return err;
    }
    *out = p;
    return TM_OK;
}

enum tm_err make_writable(struct partitions *set, enum partition_tier tier, uint32_t period,
                          struct partition **out, struct tm_why *why)
{
    struct partition_id id = {.tier = tier, .period = period};
    char name[PARTITION_PERIOD_NAME_BYTES];
    enum tm_err err = TM_OK;
    *out = NULL;
    if (set->options.read_only)
        return tm_fail(why, TM_READ_ONLY, "the partitions of %.250s were opened for reading", set->dir);
    if (partition_period_name(tier, period, name) != TM_OK)
        return tm_fail(why, TM_INVALID, "period %u lies after the year 9999", period);
    const struct partition *main = find(set, id);
    if (main && main->is_written)
        return tm_fail(why, TM_BUSY, "partition %s is being written already", env_label(main).text);
    bool again = true;
    for (int tries = 0; again && !err && tries < 8; tries++)
        err = choose(set, &id, out, &again, why);
    if (!err && !*out)
        err = tm_fail(why, TM_IO, "no partition could be made for %s/%s", partition_tier_name(tier), name);
    if (!err)
        (*out)->is_written = true;
    return err;
}

enum tm_err remove_unfinished(struct partitions *set, struct partition *p, struct tm_why *why)
{
    enum tm_err err = door_enter(set, p, why);
    if (err)
        return err;
    size_t count = p->windows->count;
    uint32_t last = count ? p->windows->items[count - 1].window : 0;
    door_leave(set, p);
    struct txn_job job = {.set = set, .partition = p, .remove_from = last + 1, .remove_left = REMOVE_AT_ONCE};
    while (!err && !job.removed_all)
        err = txn_run(&job, why);
    return err;
}

/* ---- the writer ---- */

static enum tm_err start_window(struct partition_writer *w, struct tm_why *why)
{
    struct partition *p = w->partition;
    enum tm_err err = door_enter(w->set, p, why);
    if (err)
        return err;
    uint32_t last = p->windows->count ? p->windows->items[p->windows->count - 1].window : 0;
    door_leave(w->set, p);
    w->sink = (struct chunk_sink){.set = w->set, .partition = p};
    w->sink.window.window = last + 1;
    return last < UINT32_MAX - 1
               ? remove_unfinished(w->set, p, why)
               : tm_fail(why, TM_LIMIT, "partition %s has no window number left", env_label(p).text);
}

enum tm_err partition_writer_open(struct partitions *set, enum partition_tier tier, uint32_t period,
                                  struct partition_writer **out, struct tm_why *why)
{
    *out = NULL;
    struct partition_writer *w = calloc(1, sizeof *w);
    if (!w)
        return tm_fail(why, TM_NOMEM, "out of memory");
    w->set = set;
    enum tm_err err = make_writable(set, tier, period, &w->partition, why);
    if (!err)
        err = start_window(w, why);
    if (err)
        partition_writer_abort(&w);
    *out = w;
    return err;
}

struct partition_id partition_writer_id(const struct partition_writer *writer)
{
    return writer->partition->id;
}

uint32_t partition_writer_window(const struct partition_writer *writer)
{
    return writer->sink.window.window;
}

enum tm_err partition_writer_put(struct partition_writer *writer, uint32_t series, uint32_t part,
                                 struct str value, const struct partition_extent *extent, struct tm_why *why)
{
    return sink_put(&writer->sink, series, part, value, extent, why);
}

enum tm_err partition_writer_commit(struct partition_writer **writer, uint64_t tag, struct tm_why *why)
{
    struct partition_writer *w = *writer;
    w->sink.window.tag = tag;
    enum tm_err err = w->sink.window.chunks ? sink_finish(&w->sink, NULL, why) : TM_OK;
    partition_writer_abort(writer);
    return err;
}

void partition_writer_abort(struct partition_writer **writer)
{
    struct partition_writer *w = *writer;
    if (!w)
        return;
    if (w->partition)
        w->partition->is_written = false;
    bytes_fini(&w->sink.buffer);
    free(w);
    *writer = NULL;
}
