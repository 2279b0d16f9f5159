/* The tree as bytes: a version, then each node before its children: kind, flags (1 folded, 2 group), hits,
 * the name's length and bytes, the number of children. */
#include "server/events/page_tree.h"

enum { STATE_VERSION = 1, FLAG_FOLDED = 1, FLAG_GROUP = 2, CHILDREN_MAX = 4 * PAGE_TREE_ROOT_NAMES };

static void put_node(const struct page_node *node, struct bytes *out)
{
    uint64_t children = 0;
    for (const struct page_node *child = node->child; child; child = child->next)
        children++;
    bytes_u8(out, (uint8_t)node->kind);
    bytes_u8(out, (uint8_t)((node->folded ? FLAG_FOLDED : 0) | (node->is_group ? FLAG_GROUP : 0)));
    bytes_varint(out, node->hits);
    bytes_str(out, (struct str){node->text, node->text_len});
    bytes_varint(out, children);
    for (const struct page_node *child = node->child; child; child = child->next)
        put_node(child, out);
}

void page_tree_export(const struct page_tree *tree, struct bytes *out)
{
    bytes_u8(out, STATE_VERSION);
    put_node(tree->root, out);
}

/* What put_node wrote before the number of children. */
struct node_head {
    uint8_t kind;
    uint8_t flags;
    uint64_t hits;
    struct str text;
};

static bool read_head(struct cursor *in, struct node_head *out)
{
    out->kind = cursor_u8(in);
    out->flags = cursor_u8(in);
    out->hits = cursor_varint(in);
    out->text = cursor_str(in);
    return !in->bad && out->kind < SEGMENT_KIND_COUNT && out->flags <= (FLAG_FOLDED | FLAG_GROUP) &&
           out->hits <= UINT64_MAX / 1024;
}

static bool is_name(struct str text)
{
    if (text.len == 0 || text.len > PAGE_SEGMENT_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '/' || (unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool is_twice(const struct page_node *parent, const struct node_head *head)
{
    for (const struct page_node *child = parent->child; child; child = child->next)
        if (child->kind == (enum segment_kind)head->kind &&
            str_equal((struct str){child->text, child->text_len}, head->text))
            return true;
    return false;
}

static enum tm_err read_children(struct page_tree *tree, struct page_node *node, struct cursor *in);

static enum tm_err read_child(struct page_tree *tree, struct page_node *parent, struct cursor *in)
{
    struct node_head head;
    if (!read_head(in, &head) || parent->depth > PAGE_TREE_DEPTH || is_twice(parent, &head) ||
        (head.kind == SEGMENT_NAME ? !is_name(head.text) : head.text.len != 0) ||
        (head.kind == SEGMENT_REST) != (parent->depth == PAGE_TREE_DEPTH))
        return TM_CORRUPT;
    struct page_node *node = page_tree_add(parent, (enum segment_kind)head.kind, head.text);
    if (!node)
        return TM_NOMEM;
    node->folded = head.flags & FLAG_FOLDED;
    node->is_group = head.flags & FLAG_GROUP;
    node->hits = head.hits;
    tree->groups += node->is_group;
    return read_children(tree, node, in);
}

static enum tm_err read_children(struct page_tree *tree, struct page_node *node, struct cursor *in)
{
    uint64_t children = cursor_varint(in);
    if (in->bad || children > CHILDREN_MAX)
        return TM_CORRUPT;
    for (uint64_t i = 0; i < children; i++) {
        enum tm_err err = read_child(tree, node, in);
        if (err)
            return err;
    }
    return TM_OK;
}

static enum tm_err read_tree(struct page_tree *tree, struct str state)
{
    struct cursor in = cursor_of(state.ptr, state.len);
    struct node_head head;
    if (state.len > PAGE_TREE_BYTES_MAX || cursor_u8(&in) != STATE_VERSION || !read_head(&in, &head) ||
        head.kind != SEGMENT_NAME || head.text.len != 0)
        return TM_CORRUPT;
    tree->root->folded = head.flags & FLAG_FOLDED;
    tree->root->is_group = head.flags & FLAG_GROUP;
    tree->root->hits = head.hits;
    tree->groups = tree->root->is_group;
    enum tm_err err = read_children(tree, tree->root, &in);
    return !err && cursor_left(&in) > 0 ? TM_CORRUPT : err;
}

enum tm_err page_tree_import(struct page_tree *tree, struct str state)
{
    struct page_tree read;
    enum tm_err err = page_tree_init(&read, tree->groups_max);
    if (!err)
        err = read_tree(&read, state);
    if (err) {
        page_tree_fini(&read);
        return err;
    }
    read.folds = tree->folds + 1; /* nodes of before are gone */
    page_tree_fini(tree);
    *tree = read;
    return TM_OK;
}
