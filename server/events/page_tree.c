#include "server/events/page_tree.h"

#include <stdlib.h>

enum tm_err page_tree_init(struct page_tree *tree, uint32_t groups_max)
{
    *tree = (struct page_tree){.groups_max = groups_max, .root = calloc(1, sizeof *tree->root)};
    return tree->root ? TM_OK : TM_NOMEM;
}

/* Depth is bounded by PAGE_TREE_DEPTH, but siblings are walked, not descended into. */
static void free_nodes(struct page_node *node)
{
    while (node) {
        struct page_node *next = node->next;
        free_nodes(node->child);
        free(node);
        node = next;
    }
}

void page_tree_fini(struct page_tree *tree)
{
    free_nodes(tree->root);
    *tree = (struct page_tree){0};
}

struct page_node *page_tree_add(struct page_node *parent, enum segment_kind kind, struct str text)
{
    size_t len = kind == SEGMENT_NAME ? text.len : 0;
    struct page_node *node = calloc(1, sizeof *node + len);
    if (!node)
        return NULL;
    node->kind = kind;
    node->text_len = (uint8_t)len;
    node->depth = (uint16_t)(parent->depth + 1);
    node->parent = parent;
    if (len)
        memcpy(node->text, text.ptr, len);
    struct page_node **end = &parent->child;
    while (*end)
        end = &(*end)->next;
    *end = node;
    return node;
}

size_t page_tree_names(const struct page_node *node)
{
    size_t names = 0;
    for (const struct page_node *child = node->child; child; child = child->next)
        names += child->kind == SEGMENT_NAME;
    return names;
}

bool page_tree_next(struct str path, size_t *at, size_t depth, struct segment *out)
{
    while (*at < path.len) {
        size_t from = *at;
        while (from < path.len && path.ptr[from] == '/')
            from++;
        size_t to = from;
        while (to < path.len && path.ptr[to] != '/')
            to++;
        *at = to;
        if (to == from || (to == from + 1 && path.ptr[from] == '.'))
            continue;
        if (depth < PAGE_TREE_DEPTH) {
            segment_classify((struct str){path.ptr + from, to - from}, out);
            return true;
        }
        *at = path.len;
        *out = (struct segment){.kind = SEGMENT_REST};
        return true;
    }
    return false;
}

static struct page_node *find_child(const struct page_node *node, enum segment_kind kind, struct str text)
{
    for (struct page_node *child = node->child; child; child = child->next)
        if (child->kind == kind && (kind != SEGMENT_NAME || (child->text_len == text.len &&
                                                             memcmp(child->text, text.ptr, text.len) == 0)))
            return child;
    return NULL;
}

struct page_node *page_tree_child(const struct page_node *node, const struct segment *segment)
{
    struct page_node *child = find_child(node, segment->kind, segment->text);
    if (!child && segment->kind == SEGMENT_NAME && node->folded)
        child = find_child(node, SEGMENT_SLUG, STR(""));
    return child;
}

static size_t names_max(const struct page_node *node)
{
    return node->depth == 0 ? PAGE_TREE_ROOT_NAMES : PAGE_TREE_NAMES;
}

/* The node for what is left of path from *at on: the deepest there is. *missing is the part that is not
 * there, if any; *at stands behind it. */
static struct page_node *descend(const struct page_tree *tree, struct str path, size_t *at,
                                 struct segment *missing, bool *whole)
{
    struct page_node *node = tree->root;
    *at = 0;
    while (page_tree_next(path, at, node->depth, missing)) {
        struct page_node *child = page_tree_child(node, missing);
        if (!child) {
            *whole = false;
            return node;
        }
        node = child;
    }
    *whole = true;
    return node;
}

/* The unfolded place with the most names, at least PAGE_TREE_PRESSURE_NAMES; the first in order of a tie. */
static struct page_node *fullest(struct page_node *node, size_t *names)
{
    struct page_node *best = NULL;
    size_t own = node->folded ? 0 : page_tree_names(node);
    if (own > *names) {
        *names = own;
        best = node;
    }
    for (struct page_node *child = node->child; child; child = child->next) {
        struct page_node *below = fullest(child, names);
        best = below ? below : best;
    }
    return best;
}

static bool make_room(struct page_tree *tree)
{
    size_t names = PAGE_TREE_PRESSURE_NAMES - 1;
    struct page_node *node = fullest(tree->root, &names);
    if (!node)
        return false;
    return page_tree_fold(tree, node);
}

/* Below node: the missing part, then the rest of the path. On failure what was added stays, without a group.
 */
static struct page_node *add_path(struct page_node *node, struct str path, size_t at, struct segment *segment)
{
    do {
        bool slug = segment->kind == SEGMENT_NAME && node->folded;
        node = page_tree_add(node, slug ? SEGMENT_SLUG : segment->kind, segment->text);
    } while (node && page_tree_next(path, &at, node->depth, segment));
    return node;
}

struct page_node *page_tree_learn(struct page_tree *tree, struct str path)
{
    for (;;) {
        struct segment missing;
        size_t at;
        bool whole;
        struct page_node *node = descend(tree, path, &at, &missing, &whole);
        if (whole && node->is_group)
            return node;
        bool new_name = !whole && missing.kind == SEGMENT_NAME && !node->folded;
        if (new_name && page_tree_names(node) >= names_max(node)) {
            if (!page_tree_fold(tree, node))
                return NULL;
            continue;
        }
        if (tree->groups >= tree->groups_max) {
            if (!make_room(tree))
                return NULL;
            continue;
        }
        if (!whole)
            node = add_path(node, path, at, &missing);
        if (!node)
            return NULL;
        node->is_group = true;
        tree->groups++;
        return node;
    }
}

void page_tree_hit(struct page_node *node)
{
    for (; node; node = node->parent)
        node->hits++;
}

struct str page_tree_name(const struct page_node *node, char room[PAGE_TREE_NAME_MAX])
{
    const struct page_node *from_root[PAGE_TREE_DEPTH + 2];
    size_t count = 0;
    size_t len = 0;
    for (; node->parent; node = node->parent)
        from_root[count++] = node;
    while (count > 0) {
        const struct page_node *part = from_root[--count];
        struct str placeholder = segment_placeholder(part->kind);
        room[len++] = '/';
        if (part->kind == SEGMENT_NAME)
            memcpy(room + len, part->text, part->text_len);
        else
            memcpy(room + len, placeholder.ptr, placeholder.len);
        len += part->kind == SEGMENT_NAME ? part->text_len : placeholder.len;
    }
    if (len == 0)
        room[len++] = '/';
    return (struct str){room, len};
}
