#include "server/events/page_groups.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "server/events/page_path.h"
#include "server/events/page_rules.h"
#include "server/events/page_tree.h"

enum { CACHED_PATH_MAX = 96 };

/* What a path was answered with, by the path's hash. */
struct cached {
    uint64_t hash;
    uint64_t folds;         /* of the tree when node was valid */
    struct page_node *node; /* NULL: rule */
    uint32_t rule;
    uint8_t len; /* 0: free */
    char path[CACHED_PATH_MAX];
};

struct page_groups {
    struct page_rules *rules;
    struct page_tree tree;
    struct cached *cache; /* cache_paths of them, NULL for none */
    size_t cache_paths;
    uint64_t overflows;
    uint64_t cache_hits;
    char name[PAGE_TREE_NAME_MAX]; /* of the last answer, where it was learned */
};

_Static_assert((int)PAGE_TREE_NAME_MAX <= 1024, "a group's name fits a label's value");

enum tm_err page_groups_new(const struct page_groups_options *options, struct page_groups **out,
                            struct tm_why *why)
{
    assert(options->groups_max > 0 && (options->cache_paths & (options->cache_paths - 1)) == 0);
    struct page_groups *groups = calloc(1, sizeof *groups);
    *out = NULL;
    if (!groups)
        return tm_fail(why, TM_NOMEM, "no room for page groups");
    enum tm_err err = page_tree_init(&groups->tree, options->groups_max);
    if (!err && options->cache_paths) {
        groups->cache_paths = options->cache_paths;
        groups->cache = calloc(options->cache_paths, sizeof *groups->cache);
        err = groups->cache ? TM_OK : TM_NOMEM;
    }
    if (err)
        (void)tm_fail(why, err, "no room for page groups");
    else
        err = page_rules_new(options->rules, options->rule_count, options->one_by_one, &groups->rules, why);
    if (err)
        page_groups_free(groups);
    else
        *out = groups;
    return err;
}

void page_groups_free(struct page_groups *groups)
{
    if (!groups)
        return;
    page_rules_free(groups->rules);
    page_tree_fini(&groups->tree);
    free(groups->cache);
    free(groups);
}

/* ---- answers ---- */

static struct page_group answer_rule(const struct page_groups *groups, size_t rule)
{
    return (struct page_group){
        .name = page_rules_get(groups->rules, rule).name, .from = PAGE_GROUP_RULE, .rule = rule};
}

static struct page_group answer_learned(struct page_groups *groups, struct page_node *node)
{
    page_tree_hit(node);
    return (struct page_group){.name = page_tree_name(node, groups->name), .from = PAGE_GROUP_LEARNED};
}

static struct cached *slot_of(struct page_groups *groups, struct str raw, uint64_t *hash)
{
    if (!groups->cache || raw.len > CACHED_PATH_MAX)
        return NULL;
    *hash = XXH3_64bits(raw.ptr, raw.len);
    return &groups->cache[*hash & (groups->cache_paths - 1)];
}

static bool is_cached(const struct page_groups *groups, const struct cached *slot, struct str raw,
                      uint64_t hash)
{
    return slot->hash == hash && slot->len == raw.len && memcmp(slot->path, raw.ptr, raw.len) == 0 &&
           (!slot->node || slot->folds == groups->tree.folds);
}

static void keep(struct page_groups *groups, struct cached *slot, struct str raw, uint64_t hash, int rule,
                 struct page_node *node)
{
    *slot = (struct cached){.hash = hash,
                            .folds = groups->tree.folds,
                            .node = node,
                            .rule = (uint32_t)(rule < 0 ? 0 : rule),
                            .len = (uint8_t)raw.len};
    memcpy(slot->path, raw.ptr, raw.len);
}

struct page_group page_groups_find(struct page_groups *groups, struct str url)
{
    char room[PAGE_PATH_MAX];
    struct str raw = page_path_raw(url);
    uint64_t hash = 0;
    struct cached *slot = slot_of(groups, raw, &hash);
    if (slot && is_cached(groups, slot, raw, hash)) {
        groups->cache_hits++;
        return slot->node ? answer_learned(groups, slot->node) : answer_rule(groups, slot->rule);
    }
    struct str path = page_path(url, room);
    struct page_node *node = NULL;
    int rule = page_rules_first(groups->rules, path);
    if (rule == PAGE_RULES_NONE)
        node = page_tree_learn(&groups->tree, path);
    if (slot && (node || rule != PAGE_RULES_NONE))
        keep(groups, slot, raw, hash, rule, node);
    if (rule != PAGE_RULES_NONE)
        return answer_rule(groups, (size_t)rule);
    if (node)
        return answer_learned(groups, node);
    groups->overflows++;
    return (struct page_group){.name = STR(PAGE_GROUP_OVERFLOW_NAME), .from = PAGE_GROUP_OVERFLOW};
}

/* ---- explanations ---- */

static void explain_rule(struct page_groups *groups, size_t rule, struct str path, struct bytes *out)
{
    struct page_group_rule given = page_rules_get(groups->rules, rule);
    size_t from = 0;
    size_t to = 0;
    bytes_printf(out, "group: %s\n", given.name.ptr);
    if (page_rules_where(groups->rules, rule, path, &from, &to))
        bytes_printf(out, "rule %zu, the first that is found: \"%s\" matches \"%.*s\" at byte %zu\n",
                     rule + 1, given.match.ptr, (int)(to - from), path.ptr + from, from);
}

/* One line for each part. Returns the group's node, NULL if the path is new. */
static const struct page_node *explain_parts(const struct page_groups *groups, struct str path,
                                             struct bytes *out)
{
    const struct page_node *node = groups->tree.root;
    struct segment segment;
    size_t at = 0;
    size_t depth = 0;
    for (; page_tree_next(path, &at, depth, &segment); depth++) {
        const struct page_node *child = node ? page_tree_child(node, &segment) : NULL;
        enum segment_kind kind = child ? child->kind : segment.kind;
        struct str shown = kind == SEGMENT_NAME ? segment.text : segment_placeholder(kind);
        const char *reason = segment_reason(kind);
        if (kind == SEGMENT_SLUG && segment.kind == SEGMENT_NAME)
            reason = "this place has had more different names than fit";
        bytes_printf(out, "part %zu: %.*s (%s%s)\n", depth + 1, STR_ARG(shown), reason,
                     child ? "" : "; not seen here before");
        node = child;
    }
    return node && node->is_group ? node : NULL;
}

void page_groups_explain(struct page_groups *groups, struct str url, struct bytes *out)
{
    char room[PAGE_PATH_MAX];
    char name[PAGE_TREE_NAME_MAX];
    struct str path = page_path(url, room);
    int rule = page_rules_first(groups->rules, path);
    bytes_printf(out, "path: %.*s\n", STR_ARG(path));
    if (rule != PAGE_RULES_NONE) {
        explain_rule(groups, (size_t)rule, path, out);
        return;
    }
    size_t rule_count = page_groups_counts(groups).rules;
    if (rule_count > 0)
        bytes_printf(out, "no rule of %zu is found in it; learned from its parts:\n", rule_count);
    else
        bytes_printf(out, "its service has no rules; learned from its parts:\n");
    const struct page_node *node = explain_parts(groups, path, out);
    if (node) {
        struct str shown = page_tree_name(node, name);
        bytes_printf(out, "group: %.*s\n", STR_ARG(shown));
    } else {
        bytes_printf(out, "group: a new one, or %s past %u of them; %u are known\n", PAGE_GROUP_OVERFLOW_NAME,
                     groups->tree.groups_max, groups->tree.groups);
    }
}

/* ---- state ---- */

void page_groups_export(const struct page_groups *groups, struct bytes *out)
{
    page_tree_export(&groups->tree, out);
}

enum tm_err page_groups_import(struct page_groups *groups, struct str state)
{
    return page_tree_import(&groups->tree, state);
}

struct page_groups_counts page_groups_counts(const struct page_groups *groups)
{
    return (struct page_groups_counts){.rules = page_rules_count(groups->rules),
                                       .groups = groups->tree.groups,
                                       .folds = groups->tree.folds,
                                       .overflows = groups->overflows,
                                       .cache_hits = groups->cache_hits,
                                       .stopped = page_rules_stopped(groups->rules),
                                       .all_at_once = page_rules_all_at_once(groups->rules)};
}
