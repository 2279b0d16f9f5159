#include "server/query/deploy.h"

#include <stdlib.h>
#include <string.h>

#include "scoring/trace.h"
#include "storage/store.h"

#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    (24 * HOUR_MS)
#define MARKED_MS (16 * DAY_MS)

static const enum marker_text texts[DEPLOY_TEXTS] = {
    [DEPLOY_SERVICE] = MARKER_SERVICE, [DEPLOY_ENV] = MARKER_ENV, [DEPLOY_VERSION] = MARKER_VERSION};

void deploy_fini(struct deploy *deploy)
{
    for (size_t i = 0; i < DEPLOY_TEXTS; i++)
        free(deploy->text[i]);
    for (size_t i = 0; i < deploy->exception_count; i++)
        free(deploy->exceptions[i].fingerprint);
    for (size_t i = 0; i < deploy->older_count; i++)
        free(deploy->older[i]);
    *deploy = (struct deploy){.id = 0};
}

static char *copy_of(struct str text)
{
    return strndup(text.len > 0 ? text.ptr : "", text.len);
}

/* ---- markers ---- */

/* A text that is empty stands for all. */
static bool is_same(struct str a, struct str b)
{
    return a.len == 0 || b.len == 0 || str_equal(a, b);
}

static void note_marked(const struct marker *marker, struct deploy *out)
{
    bool has_end = marker->end != MARKER_NO_END && marker->end > marker->time + HOUR_MS;
    if (out->marked_count < DEPLOY_MARKED_MAX)
        out->marked[out->marked_count++] =
            (struct span){marker->time, has_end ? marker->end : marker->time + HOUR_MS};
}

static enum tm_err note_older(struct str release, struct deploy *out)
{
    if (release.len == 0 || str_equal(release, str_of(out->text[DEPLOY_VERSION])) ||
        deploy_is_older(out, release) || out->older_count == DEPLOY_OLDER_MAX)
        return TM_OK;
    char *copy = copy_of(release);
    if (!copy)
        return TM_NOMEM;
    out->older[out->older_count++] = copy;
    return TM_OK;
}

static enum tm_err take_deploy(const struct marker *own, const struct marker *other, struct deploy *out)
{
    if (other->time > own->time)
        out->next = other->time; /* the nearest comes last */
    if (other->time >= own->time)
        return TM_OK;
    if (out->previous == SCORE_NEVER)
        out->previous = other->time;
    return note_older(other->text[MARKER_VERSION], out);
}

static enum tm_err gather_markers(const struct markers *markers, const struct marker *own, struct deploy *out)
{
    const struct markers_wanted wanted = {
        .kind = MARKER_KIND_COUNT,
        .span = {own->time - MARKED_MS, own->time + DEPLOY_LEAK_MS},
    };
    struct markers_place place = {.is_begun = false};
    const struct marker *other;
    enum tm_err err = TM_OK;
    while (!err && (other = markers_next(markers, &wanted, &place)) != NULL) {
        if (other == own || !is_same(other->text[MARKER_ENV], own->text[MARKER_ENV]))
            continue;
        bool is_own = str_equal(other->text[MARKER_SERVICE], own->text[MARKER_SERVICE]);
        if (is_own && other->kind == MARKER_DEPLOY)
            err = take_deploy(own, other, out);
        if (other->time < own->time && (is_own || other->text[MARKER_SERVICE].len == 0))
            note_marked(other, out);
    }
    return err;
}

/* ---- groups of exceptions ---- */

typedef enum tm_err group_fn(const struct group_view *view, struct deploy *out);

static enum tm_err note_releases(const struct group_view *view, struct deploy *out)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < view->release_count && !err; i++)
        if (view->releases[i].first < out->time)
            err = note_older(view->releases[i].name, out);
    return err;
}

static bool is_of_older_only(const struct group_view *view, const struct deploy *out)
{
    for (size_t i = 0; i < view->release_count; i++)
        if (!deploy_is_older(out, view->releases[i].name))
            return false;
    return view->release_count > 0;
}

static enum tm_err note_group(const struct group_view *view, struct deploy *out)
{
    bool came = view->first >= out->time && view->first < out->time + HOUR_MS;
    if (out->exception_count == DEPLOY_EXCEPTIONS_MAX || view->last < out->time - HOUR_MS ||
        view->first >= out->time + HOUR_MS)
        return TM_OK;
    char *fingerprint = copy_of(view->fingerprint);
    if (!fingerprint)
        return TM_NOMEM;
    out->exceptions[out->exception_count++] =
        (struct deploy_exception){view->id, fingerprint, came && !is_of_older_only(view, out)};
    return TM_OK;
}

static enum tm_err each_group(struct store *store, const struct marker *own, group_fn *each,
                              struct deploy *out)
{
    time_ms_t now;
    struct groups *groups = store_groups(store, &now);
    size_t all = groups_count(groups);
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < all && !err; i++) {
        struct group_view view;
        struct str service;
        time_ms_t last;
        uint64_t id = groups_at(groups, i, &last, &service);
        if (id == 0 || last < own->time - MARKED_MS || !str_equal(service, own->text[MARKER_SERVICE]) ||
            groups_view(groups, id, now, &view) != TM_OK)
            continue;
        if (is_same(view.env, own->text[MARKER_ENV]))
            err = each(&view, out);
    }
    return err;
}

enum tm_err deploy_gather(struct store *store, const struct marker *marker, struct deploy *out)
{
    *out =
        (struct deploy){.id = marker->id, .time = marker->time, .previous = SCORE_NEVER, .next = SCORE_NEVER};
    for (size_t t = 0; t < DEPLOY_TEXTS; t++) {
        out->text[t] = copy_of(marker->text[texts[t]]);
        if (!out->text[t])
            return TM_NOMEM;
    }
    enum tm_err err = gather_markers(store_markers(store), marker, out);
    if (!err)
        err = each_group(store, marker, note_releases, out);
    return err ? err : each_group(store, marker, note_group, out);
}

/* ---- questions ---- */

bool deploy_is_marked(const struct deploy *deploy, struct span span)
{
    for (size_t i = 0; i < deploy->marked_count; i++)
        if (deploy->marked[i].from < span.to && deploy->marked[i].to > span.from)
            return true;
    return false;
}

bool deploy_is_older(const struct deploy *deploy, struct str release)
{
    struct str version = str_of(deploy->text[DEPLOY_VERSION]);
    size_t behind = release.len - version.len;
    if (release.len == 0 || str_equal(release, version))
        return false;
    if (version.len > 0 && release.len > version.len && release.ptr[behind - 1] == '@' &&
        memcmp(release.ptr + behind, version.ptr, version.len) == 0)
        return false;
    for (size_t i = 0; i < deploy->older_count; i++)
        if (str_equal(str_of(deploy->older[i]), release))
            return true;
    return false;
}
