/* Folding the names at one place of the tree into {slug} (page_tree.h, rule 2). */
#include "server/events/page_tree.h"

#include <stdlib.h>

/* A name stays if it was seen this often, and in at least one of so many paths that came by here. */
enum { KEPT_HITS_MIN = 8, KEPT_SHARE = 4 * PAGE_TREE_NAMES };

static void merge(struct page_tree *tree, struct page_node *into, struct page_node *from);

static void unlink_child(struct page_node *parent, struct page_node *child)
{
    struct page_node **at = &parent->child;
    while (*at != child)
        at = &(*at)->next;
    *at = child->next;
    child->next = NULL;
}

static void link_child(struct page_node *parent, struct page_node *child)
{
    struct page_node **end = &parent->child;
    while (*end)
        end = &(*end)->next;
    *end = child;
    child->parent = parent;
    child->next = NULL;
}

static bool is_seldom(const struct page_node *child, uint64_t total)
{
    return child->hits < KEPT_HITS_MIN || child->hits * KEPT_SHARE < total;
}

static uint64_t name_hits(const struct page_node *node)
{
    uint64_t total = 0;
    for (const struct page_node *child = node->child; child; child = child->next)
        total += child->kind == SEGMENT_NAME ? child->hits : 0;
    return total;
}

/* How many names have more hits, or as many and came before. */
static size_t rank_of(const struct page_node *node, const struct page_node *name)
{
    size_t rank = 0;
    bool before = true;
    for (const struct page_node *child = node->child; child; child = child->next) {
        before = before && child != name;
        if (child != name && child->kind == SEGMENT_NAME)
            rank += child->hits > name->hits || (before && child->hits == name->hits);
    }
    return rank;
}

/* Of the names that stay there are at most three quarters of what fits. */
static size_t kept_max(const struct page_node *node)
{
    return (size_t)(node->depth == 0 ? PAGE_TREE_ROOT_NAMES : PAGE_TREE_NAMES) * 3 / 4;
}

/* The names that go; returns how many. */
static size_t choose(struct page_node *node, struct page_node **gone, size_t max)
{
    size_t count = 0;
    uint64_t total = name_hits(node);
    for (struct page_node *child = node->child; child && count < max; child = child->next)
        if (child->kind == SEGMENT_NAME &&
            (is_seldom(child, total) || rank_of(node, child) >= kept_max(node)))
            gone[count++] = child;
    return count;
}

static struct page_node *slug_of(struct page_node *node)
{
    for (struct page_node *child = node->child; child; child = child->next)
        if (child->kind == SEGMENT_SLUG)
            return child;
    return page_tree_add(node, SEGMENT_SLUG, STR(""));
}

/* A merge can leave a place with the names of two, so up to twice what fits, and once more for each. */
enum { GONE_MAX = 4 * PAGE_TREE_ROOT_NAMES };

bool page_tree_fold(struct page_tree *tree, struct page_node *node)
{
    struct page_node *gone[GONE_MAX];
    size_t count = choose(node, gone, GONE_MAX);
    struct page_node *slug = count ? slug_of(node) : NULL;
    if (count && !slug)
        return false;
    node->folded = true;
    tree->folds++;
    for (size_t i = 0; i < count; i++) {
        unlink_child(node, gone[i]);
        merge(tree, slug, gone[i]);
    }
    return true;
}

/* The child of `into` that is the same part as child, NULL if there is none. */
static struct page_node *twin_of(const struct page_node *into, const struct page_node *child)
{
    struct segment segment = {.kind = child->kind, .text = {child->text, child->text_len}};
    return page_tree_child(into, &segment);
}

/* All of `from`, which belongs to nobody any more, becomes part of `into`. */
static void merge(struct page_tree *tree, struct page_node *into, struct page_node *from)
{
    into->hits += from->hits;
    tree->groups -= into->is_group && from->is_group;
    into->is_group = into->is_group || from->is_group;
    bool fold = from->folded || into->folded;
    while (from->child) {
        struct page_node *child = from->child;
        struct page_node *twin = twin_of(into, child);
        unlink_child(from, child);
        if (twin)
            merge(tree, twin, child);
        else
            link_child(into, child);
    }
    free(from);
    if (fold || page_tree_names(into) > (size_t)PAGE_TREE_NAMES)
        (void)page_tree_fold(tree, into);
}
