/* A partition that is still written has no hashes of its pages. Each of its windows is compared with its
 * entry before it is read for the first time, so that damage can't pass for absence. */
#include "storage/partition/partition_private.h"
#include "storage/partition/partition_tree.h"

static enum tm_err compare(struct partitions *set, struct partition *p, const struct partition_window *window,
                           struct tm_why *why)
{
    struct tm_why inner = {""};
    int fd;
    int rc = mdb_env_get_fd(p->env, &fd);
    enum tm_err err =
        rc ? tm_fail(&inner, TM_IO, "%s", mdb_strerror(rc)) : tree_check_window(fd, window, &inner);
    if (err == TM_CORRUPT)
        env_damaged(set, p, inner.text);
    return err ? tm_fail(why, err, "reading partition %s: %s", env_label(p).text, inner.text) : TM_OK;
}

/* So that those behind it need not be looked up one by one. Locked. */
static void advance(struct partition_step *step)
{
    struct partition *p = step->partition;
    for (size_t i = 0; i < step->window_count; i++) {
        uint32_t number = step->windows->items[i].window;
        if (number <= p->sound_to)
            continue;
        if (!present_has(&p->sound, number))
            break;
        p->sound_to = number;
    }
    step->sound_to = p->sound_to;
}

enum tm_err sound_window(struct partition_step *step, size_t place, struct tm_why *why)
{
    struct partitions *set = step->set;
    struct partition *p = step->partition;
    if (p->pages.map || place >= step->window_count)
        return TM_OK;
    const struct partition_window *window = &step->windows->items[place];
    if (window->window <= step->sound_to)
        return TM_OK;
    set_lock(set);
    bool is_sound = present_has(&p->sound, window->window);
    set_unlock(set);
    if (is_sound)
        return TM_OK;
    enum tm_err err = compare(set, p, window, why);
    if (err)
        return err;
    set_lock(set);
    /* Without memory it is compared again. */
    if (present_add(&p->sound, window->window) == TM_OK)
        advance(step);
    set_unlock(set);
    return TM_OK;
}

enum tm_err sound_all(struct partitions *set, struct partition *p, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    if (p->pages.map)
        return TM_OK;
    for (size_t i = 0; i < p->windows->count && !err; i++)
        err = compare(set, p, &p->windows->items[i], why);
    return err;
}
