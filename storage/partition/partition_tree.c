#include "storage/partition/partition_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/partition/partition_files.h"
#include "storage/partition/partition_format.h"

/* LMDB 0.9, file format 1, 64 bits, little endian. A page: number (u64), padding (u16), flags (u16), end of
 * the offsets (u16), begin of the nodes (u16), offsets (u16 each). A node: size or child's number, low and
 * middle 16 bits; flags, or the child's high 16 bits; length of the key; key; value. */
enum {
    PAGE_HEAD = 16,
    PAGE_FLAGS_AT = 10,
    PAGE_LOWER_AT = 12,
    PAGE_UPPER_AT = 14,
    PAGE_BRANCH = 1,
    PAGE_LEAF = 2,
    PAGE_META = 8,
    NODE_HEAD = 8,
    NODE_OVERFLOW = 1,
    NODE_TABLE = 2,
    KEY_MAX = 511,
    DEPTH_MAX = 12, /* far more than 2^32 pages need */
    META_PAGES = 2,
    META_VERSION = 1,
    META_TABLES_AT = 24,
    META_BYTES = 136,
    TABLE_BYTES = 48,
    TABLE_INTEGER_KEYS = 8,
    TRIES = 50
};
#define META_MAGIC UINT32_C(0xBEEFC0DE)
#define NO_PAGE    UINT64_MAX

struct table {
    uint32_t padding; /* of the free list: bytes of a page */
    uint16_t flags;
    uint16_t depth;
    uint64_t branches;
    uint64_t leaves;
    uint64_t entries;
    uint64_t root;
};

struct state {
    int fd;
    uint32_t page_bytes;
    uint64_t txn;
    uint64_t last_page;
    struct table free;
    struct table main;
    struct table chunks;
    struct table windows;
    struct table meta;
};

struct node {
    struct str key;
    uint64_t number; /* of the child, or of the first overflow page */
    uint64_t size;   /* of the value */
    unsigned flags;
    const uint8_t *value; /* in the page; NULL: on overflow pages */
};

/* One walk over a table, or over part of it. */
struct walk {
    const struct state *state;
    struct table table;
    bool is_integer; /* keys are numbers of this machine */
    struct str from; /* keys before it need not be looked at; empty: all */
    /* A key with its value, in order. TM_CORRUPT ends the walk. */
    enum tm_err (*each)(struct walk *walk, const struct node *node, struct tm_why *why);
    void *arg;
    bool is_over; /* set by each: the rest of this page, no more */
    uint64_t branches;
    uint64_t leaves;
    uint64_t entries;
    uint8_t *pages; /* one of each depth */
    uint8_t last[KEY_MAX];
    size_t last_len;
};

static uint16_t get_u16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static enum tm_err read_bytes(const struct state *s, uint64_t at, uint8_t *out, size_t len,
                              struct tm_why *why)
{
    ssize_t got;
    do {
        got = pread(s->fd, out, len, (off_t)at);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return tm_fail(why, TM_IO, "reading data.mdb: %s", strerror(errno));
    return (size_t)got == len ? TM_OK : tm_fail(why, TM_CORRUPT, "data.mdb is cut short");
}

/* ---- pages ---- */

static int compare_keys(const struct walk *w, struct str a, struct str b)
{
    if (w->is_integer) {
        uint64_t x = get_u64((const uint8_t *)a.ptr), y = get_u64((const uint8_t *)b.ptr);
        return (x > y) - (x < y);
    }
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static enum tm_err bad_page(uint64_t number, struct tm_why *why)
{
    return tm_fail(why, TM_CORRUPT, "page %" PRIu64 " of data.mdb is damaged", number);
}

static enum tm_err read_page(const struct walk *w, uint64_t number, unsigned flags, uint8_t *page,
                             struct tm_why *why)
{
    const struct state *s = w->state;
    if (number < META_PAGES || number > s->last_page)
        return tm_fail(why, TM_CORRUPT, "data.mdb leads to a page %" PRIu64 " that it has not", number);
    enum tm_err err = read_bytes(s, number * s->page_bytes, page, s->page_bytes, why);
    if (err)
        return err;
    unsigned lower = get_u16(page + PAGE_LOWER_AT), upper = get_u16(page + PAGE_UPPER_AT);
    bool is_sound = get_u64(page) == number && get_u16(page + PAGE_FLAGS_AT) == flags && lower > PAGE_HEAD &&
                    lower % 2 == 0 && lower <= upper && upper <= s->page_bytes;
    return is_sound ? TM_OK : bad_page(number, why);
}

static size_t count_nodes(const uint8_t *page)
{
    return (get_u16(page + PAGE_LOWER_AT) - (size_t)PAGE_HEAD) / 2;
}

/* False: it reaches out of its page, or its value out of the file. */
static bool read_node(const struct walk *w, const uint8_t *page, size_t i, bool is_leaf, struct node *out)
{
    const struct state *s = w->state;
    size_t at = get_u16(page + PAGE_HEAD + 2 * i), room = s->page_bytes;
    if (at % 2 != 0 || at < get_u16(page + PAGE_UPPER_AT) || at + NODE_HEAD > room)
        return false;
    const uint8_t *node = page + at;
    size_t key_len = get_u16(node + 6), end = at + NODE_HEAD + key_len;
    if (key_len > KEY_MAX || end > room ||
        (w->is_integer && key_len != sizeof(uint64_t) && (is_leaf || i > 0)))
        return false;
    *out = (struct node){.key = {(const char *)node + NODE_HEAD, key_len}, .flags = get_u16(node + 4)};
    out->size = get_u32(node);
    out->number = out->size | (uint64_t)out->flags << 32;
    if (!is_leaf)
        return true;
    if (!(out->flags & NODE_OVERFLOW)) {
        out->value = node + NODE_HEAD + key_len;
        return out->size <= room - end;
    }
    if (end + sizeof(uint64_t) > room)
        return false;
    out->number = get_u64(node + NODE_HEAD + key_len);
    uint64_t pages = (out->size + PAGE_HEAD + room - 1) / room;
    return out->number >= META_PAGES && out->number <= s->last_page &&
           pages <= s->last_page - out->number + 1;
}

/* Keys that a page may hold: from low on, before high; empty: no bound. */
struct range {
    struct str low;
    struct str high;
};

static enum tm_err walk_leaf(struct walk *w, const uint8_t *page, struct range range, struct tm_why *why)
{
    uint64_t number = get_u64(page);
    size_t count = count_nodes(page);
    w->leaves++;
    for (size_t i = 0; i < count; i++) {
        struct node node;
        if (!read_node(w, page, i, true, &node) || node.key.len == 0)
            return bad_page(number, why);
        struct str last = {(const char *)w->last, w->last_len};
        if ((last.len && compare_keys(w, last, node.key) >= 0) ||
            (range.low.len && compare_keys(w, node.key, range.low) < 0) ||
            (range.high.len && compare_keys(w, node.key, range.high) >= 0))
            return bad_page(number, why);
        memcpy(w->last, node.key.ptr, node.key.len);
        w->last_len = node.key.len;
        w->entries++;
        enum tm_err err = w->each ? w->each(w, &node, why) : TM_OK;
        if (err)
            return err;
    }
    return TM_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tree, DEPTH_MAX at most */
static enum tm_err walk_page(struct walk *w, uint64_t number, unsigned depth, struct range range,
                             struct tm_why *why)
{
    uint8_t *page = w->pages + (size_t)depth * w->state->page_bytes;
    bool is_leaf = depth + 1 == w->table.depth;
    struct node node, next = {.key = {NULL, 0}};
    enum tm_err err = read_page(w, number, is_leaf ? PAGE_LEAF : PAGE_BRANCH, page, why);
    if (err || is_leaf)
        return err ? err : walk_leaf(w, page, range, why);
    size_t count = count_nodes(page);
    w->branches++;
    if (!read_node(w, page, 0, false, &next))
        return bad_page(number, why);
    for (size_t i = 0; !err && !w->is_over && i < count; i++) {
        node = next;
        bool is_last = i + 1 == count;
        if (!is_last && (!read_node(w, page, i + 1, false, &next) || next.key.len == 0))
            return bad_page(number, why);
        struct range own = {i == 0 ? range.low : node.key, is_last ? range.high : next.key};
        if (own.low.len && own.high.len && compare_keys(w, own.low, own.high) >= 0)
            return bad_page(number, why);
        if (!w->from.len || !own.high.len || compare_keys(w, own.high, w->from) > 0)
            err = walk_page(w, node.number, depth + 1, own, why);
    }
    return err;
}

/* The whole table, or what each and from leave of it. */
static enum tm_err walk_table(struct walk *w, struct tm_why *why)
{
    const struct table *t = &w->table;
    if (t->root == NO_PAGE)
        return t->entries == 0 && t->depth == 0
                   ? TM_OK
                   : tm_fail(why, TM_CORRUPT, "a table of data.mdb has lost its pages");
    if (t->depth < 1 || t->depth > DEPTH_MAX)
        return tm_fail(why, TM_CORRUPT, "a table of data.mdb has an impossible depth");
    w->pages = malloc((size_t)t->depth * w->state->page_bytes);
    if (!w->pages)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = walk_page(w, t->root, 0, (struct range){{NULL, 0}, {NULL, 0}}, why);
    free(w->pages);
    if (!err && !w->from.len &&
        (w->entries != t->entries || w->leaves != t->leaves || w->branches != t->branches))
        err = tm_fail(why, TM_CORRUPT, "a table of data.mdb has not as many entries or pages as it says");
    return err;
}

/* ---- metas and tables ---- */

static struct table read_table(const uint8_t *at)
{
    return (struct table){.padding = get_u32(at),
                          .flags = get_u16(at + 4),
                          .depth = get_u16(at + 6),
                          .branches = get_u64(at + 8),
                          .leaves = get_u64(at + 16),
                          .entries = get_u64(at + 32),
                          .root = get_u64(at + 40)};
}

static bool is_sound_meta(const struct state *s, const uint8_t *page, uint64_t number)
{
    const uint8_t *meta = page + PAGE_HEAD;
    struct table free = read_table(meta + META_TABLES_AT);
    struct table main = read_table(meta + META_TABLES_AT + TABLE_BYTES);
    return get_u64(page) == number && get_u16(page + PAGE_FLAGS_AT) == PAGE_META &&
           get_u32(meta) == META_MAGIC && get_u32(meta + 4) == META_VERSION &&
           free.padding == s->page_bytes && free.flags == TABLE_INTEGER_KEYS && main.flags == 0;
}

/* A commit writes the meta page that its number is even or odd with, so the two are one apart. If they are
 * not, one is damaged, and LMDB might take an older state for the newest. */
static enum tm_err read_metas(struct state *s, struct tm_why *why)
{
    struct stat st;
    uint8_t head[META_PAGES][PAGE_HEAD + META_BYTES];
    uint64_t txns[META_PAGES];
    for (uint64_t i = 0; i < META_PAGES; i++) {
        enum tm_err err = read_bytes(s, i * s->page_bytes, head[i], sizeof head[i], why);
        if (err)
            return err;
        txns[i] = get_u64(head[i] + PAGE_HEAD + META_BYTES - 8);
    }
    size_t newest = txns[1] > txns[0];
    const uint8_t *meta = head[newest] + PAGE_HEAD;
    s->txn = txns[newest];
    bool is_pair = txns[newest] % 2 == newest && (s->txn == 0 || s->txn - txns[1 - newest] == 1);
    if (!is_pair || !is_sound_meta(s, head[0], 0) || !is_sound_meta(s, head[1], 1))
        return tm_fail(why, TM_CORRUPT, "a meta page of data.mdb is damaged");
    s->free = read_table(meta + META_TABLES_AT);
    s->main = read_table(meta + META_TABLES_AT + TABLE_BYTES);
    s->last_page = get_u64(meta + META_BYTES - 16);
    if (fstat(s->fd, &st) != 0 || s->last_page >= (uint64_t)st.st_size / s->page_bytes)
        return tm_fail(why, TM_CORRUPT, "data.mdb is cut short");
    return TM_OK;
}

static enum tm_err note_table(struct walk *w, const struct node *node, struct tm_why *why)
{
    struct state *s = w->arg;
    const struct {
        struct str name;
        struct table *table;
    } tables[] = {{STR("chunks"), &s->chunks}, {STR("windows"), &s->windows}, {STR("meta"), &s->meta}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (!str_equal(node->key, tables[i].name) || node->flags != NODE_TABLE || node->size != TABLE_BYTES)
            continue;
        *tables[i].table = read_table(node->value);
        if (tables[i].table->flags == 0)
            return TM_OK;
    }
    return tm_fail(why, TM_CORRUPT, "a table of data.mdb has no known name");
}

/* Any state that was is made of pages that are on this list now: the newest one's first page is not. The
 * value is a count and so many numbers; there may be room behind. */
static enum tm_err check_free(struct walk *w, const struct node *node, struct tm_why *why)
{
    const struct state *s = w->arg;
    uint64_t count = 0;
    for (uint64_t i = 0; i <= count; i++) {
        uint8_t id[sizeof(uint64_t)];
        enum tm_err err = TM_OK;
        if (node->size < sizeof id * (i + 1))
            return tm_fail(why, TM_CORRUPT, "the list of free pages of data.mdb is damaged");
        if (node->value)
            memcpy(id, node->value + sizeof id * i, sizeof id);
        else
            err = read_bytes(s, node->number * s->page_bytes + PAGE_HEAD + sizeof id * i, id, sizeof id, why);
        if (err)
            return err;
        uint64_t number = get_u64(id);
        if (i == 0)
            count = number;
        else if (number == s->main.root)
            return tm_fail(why, TM_CORRUPT, "data.mdb has an old state for its newest");
    }
    return TM_OK;
}

static enum tm_err read_main(struct state *s, struct tm_why *why)
{
    enum { TABLES = 3 };
    struct walk names = {.state = s, .table = s->main, .each = note_table, .arg = s};
    enum tm_err err = walk_table(&names, why);
    if (!err && names.entries != TABLES)
        err = tm_fail(why, TM_CORRUPT, "a table of data.mdb is missing");
    return err;
}

/* Does the work on the newest state, again if that changed meanwhile: pages of the one before may be written
 * anew. */
static enum tm_err on_newest(struct state *s,
                             enum tm_err (*work)(struct state *s, void *arg, struct tm_why *why), void *arg,
                             struct tm_why *why)
{
    static const struct timespec nap = {0, 1000000};
    enum tm_err err = TM_OK;
    s->page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
    for (int tries = 0; tries < TRIES; tries++) {
        uint64_t before = s->txn;
        err = read_metas(s, why);
        if (!err)
            err = work(s, arg, why);
        if (err != TM_CORRUPT || (tries > 0 && s->txn == before))
            break;
        (void)nanosleep(&nap, NULL);
    }
    return err;
}

static enum tm_err check_tables(struct state *s, void *arg, struct tm_why *why)
{
    (void)arg;
    struct walk free_list = {.state = s, .table = s->free, .is_integer = true, .each = check_free, .arg = s};
    enum tm_err err = walk_table(&free_list, why);
    if (!err)
        err = read_main(s, why);
    struct walk windows = {.state = s, .table = s->windows}, meta = {.state = s, .table = s->meta};
    if (!err)
        err = walk_table(&windows, why);
    return err ? err : walk_table(&meta, why);
}

enum tm_err tree_check_tables(const char *path, struct tm_why *why)
{
    struct state s = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (s.fd < 0)
        return file_fail(why, "opening", path);
    enum tm_err err = on_newest(&s, check_tables, NULL, why);
    close(s.fd);
    return err;
}

/* ---- a window ---- */

struct counting {
    const struct partition_window *entry;
    uint64_t chunks;
    uint64_t hash;
};

static enum tm_err count_chunk(struct walk *w, const struct node *node, struct tm_why *why)
{
    struct counting *c = w->arg;
    struct partition_key key;
    if (key_decode(node->key, &key) != TM_OK || node->size > PARTITION_MAX_VALUE_BYTES ||
        (node->flags & ~(unsigned)NODE_OVERFLOW))
        return tm_fail(why, TM_CORRUPT, "a chunk of window %u has an impossible key or length",
                       c->entry->window);
    if (key.window > c->entry->window)
        w->is_over = true;
    if (key.window != c->entry->window)
        return TM_OK;
    c->chunks++;
    c->hash = keys_hash_add(c->hash, (const uint8_t *)node->key.ptr, (uint32_t)node->size);
    return TM_OK;
}

static enum tm_err check_window(struct state *s, void *arg, struct tm_why *why)
{
    const struct partition_window *entry = arg;
    uint8_t from[PARTITION_KEY_BYTES];
    struct counting counting = {.entry = entry};
    key_encode(&(struct partition_key){.window = entry->window}, from);
    enum tm_err err = read_main(s, why);
    if (err)
        return err;
    struct walk chunks = {.state = s,
                          .table = s->chunks,
                          .from = {(const char *)from, sizeof from},
                          .each = count_chunk,
                          .arg = &counting};
    err = walk_table(&chunks, why);
    if (err)
        return err;
    if (counting.chunks != entry->chunks)
        return tm_fail(why, TM_CORRUPT, "window %u has %" PRIu64 " chunks, its entry says %" PRIu64,
                       entry->window, counting.chunks, entry->chunks);
    if (entry->keys_hash && counting.hash != entry->keys_hash)
        return tm_fail(why, TM_CORRUPT, "window %u has not the keys that its entry says", entry->window);
    return TM_OK;
}

enum tm_err tree_check_window(int fd, const struct partition_window *window, struct tm_why *why)
{
    struct state s = {.fd = fd};
    struct partition_window entry = *window;
    return on_newest(&s, check_window, &entry, why);
}
