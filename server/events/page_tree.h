/* Page groups learned from paths: a tree of their parts. Private to server/events.
 *
 * 1. A part that is a number, an id, a UUID, a hash, a date, a text with digits or deeper than
 * PAGE_TREE_DEPTH is a placeholder at once (page_segment.h).
 * 2. At one place at most PAGE_TREE_NAMES (PAGE_TREE_ROOT_NAMES at the top) different names live. One more,
 * and the rare ones become {slug} with all that is below them; those that are seen often stay. From then on
 * that place takes no new name.
 * 3. At most groups_max paths are groups. One more, and the place with most names is folded by rule 2; where
 * no place has PAGE_TREE_PRESSURE_NAMES of them, the path gets no group.
 *
 * Nothing but the order of paths decides. */
#ifndef TM_EVENTS_PAGE_TREE_H
#define TM_EVENTS_PAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/events/page_segment.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"

enum {
    PAGE_TREE_DEPTH = 10,
    PAGE_TREE_NAMES = 20,
    PAGE_TREE_ROOT_NAMES = 64,
    PAGE_TREE_PRESSURE_NAMES = 6,
    PAGE_TREE_NAME_MAX = (PAGE_TREE_DEPTH + 1) * (PAGE_SEGMENT_MAX + 1),
    PAGE_TREE_BYTES_MAX = 16 << 20 /* of an exported state */
};

/* A part at its place. Children in the order they came. */
struct page_node {
    enum segment_kind kind;
    bool folded;   /* takes no new name below */
    bool is_group; /* a path ended here */
    uint8_t text_len;
    uint16_t depth; /* 0: the root */
    uint64_t hits;
    struct page_node *parent;
    struct page_node *next;
    struct page_node *child;
    char text[]; /* SEGMENT_NAME: the name */
};

struct page_tree {
    struct page_node *root;
    uint32_t groups;
    uint32_t groups_max;
    uint64_t folds;
};

/* TM_NOMEM. The caller owns what is inside (page_tree_fini). */
enum tm_err page_tree_init(struct page_tree *tree, uint32_t groups_max) TM_MUST_CHECK;

/* Frees all nodes; zeroed then. */
void page_tree_fini(struct page_tree *tree);

/* The node of a path's group, learned if need be; NULL where rule 3 or memory refuses it. Any node may be
 * gone after a call that raised folds. */
struct page_node *page_tree_learn(struct page_tree *tree, struct str path);

/* Counts one more path of this group. */
void page_tree_hit(struct page_node *node);

/* Writes the group's name, at most PAGE_TREE_NAME_MAX bytes; a view of room. */
struct str page_tree_name(const struct page_node *node, char room[PAGE_TREE_NAME_MAX]);

/* The next part of a path: *at moves behind it. False at the end. Empty parts and "." are skipped; past
 * PAGE_TREE_DEPTH what is left is one part of SEGMENT_REST. */
bool page_tree_next(struct str path, size_t *at, size_t depth, struct segment *out);

/* The child that a part leads to, NULL if it is not there yet. */
struct page_node *page_tree_child(const struct page_node *node, const struct segment *segment);

/* Rule 2 at one place. False, and nothing is changed, if there is nothing to fold or no memory. */
bool page_tree_fold(struct page_tree *tree, struct page_node *node);

/* A new last child. NULL without memory. */
struct page_node *page_tree_add(struct page_node *parent, enum segment_kind kind, struct str text);

/* How many names live below node. */
size_t page_tree_names(const struct page_node *node);

/* Appends its state: see page_groups.h. */
void page_tree_export(const struct page_tree *tree, struct bytes *out);

/* Replaces all by such a state; folds goes up. TM_CORRUPT, TM_NOMEM: nothing is changed. */
enum tm_err page_tree_import(struct page_tree *tree, struct str state) TM_MUST_CHECK;

#endif
