/* The head's events: blocks in a row, shared with readers by counting references. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/flush/head.h"

enum { EVENT_BLOCK_BYTES = 1 << 18 };

/* Appended to by the owner alone; what stands below `used` never changes. */
struct event_block {
    struct event_block *next;
    atomic_uint references; /* the block before it or the head, and views that begin here */
    size_t used;
    size_t capacity;
    uint8_t bytes[];
};

struct event_header {
    time_ms_t time;
    uint32_t len;
    uint32_t kind;
};

/* Lets go of a row of blocks: those go that nobody else holds. */
static void release_blocks(struct event_block *block)
{
    while (block && atomic_fetch_sub(&block->references, 1) == 1) {
        struct event_block *next = block->next;
        free(block);
        block = next;
    }
}

void head_free_events(struct head *head)
{
    release_blocks(head->first_events);
    release_blocks(head->first_findings);
    head->first_events = head->last_events = NULL;
    head->first_findings = head->last_findings = NULL;
}

static size_t event_bytes(size_t len)
{
    return (sizeof(struct event_header) + len + 7) / 8 * 8;
}

/* The last block of a row, with room for need bytes; NULL when out of memory. */
static struct event_block *make_room(struct event_block **first, struct event_block **last, size_t need)
{
    struct event_block *block = *last;
    if (block && block->capacity - block->used >= need)
        return block;
    size_t capacity = need > EVENT_BLOCK_BYTES ? need : EVENT_BLOCK_BYTES;
    block = malloc(sizeof *block + capacity);
    if (!block)
        return NULL;
    *block = (struct event_block){.capacity = capacity};
    atomic_init(&block->references, 1);
    if (*last)
        (*last)->next = block;
    else
        *first = block;
    *last = block;
    return block;
}

enum tm_err head_event(struct head *head, uint8_t kind, time_ms_t time, struct str line)
{
    size_t need = event_bytes(line.len);
    bool is_finding = kind == EVENT_FINDING;
    struct event_block *block = make_room(is_finding ? &head->first_findings : &head->first_events,
                                          is_finding ? &head->last_findings : &head->last_events, need);
    if (!block)
        return TM_NOMEM;
    struct event_header header = {time, (uint32_t)line.len, kind};
    memcpy(block->bytes + block->used, &header, sizeof header);
    if (line.len > 0)
        memcpy(block->bytes + block->used + sizeof header, line.ptr, line.len);
    block->used += need;
    head->bytes += need;
    head->events++;
    return TM_OK;
}

static void take_row(struct event_block *first, struct event_block *last, struct head_view *out)
{
    *out = (struct head_view){.first = first, .last = last};
    if (!out->first)
        return;
    atomic_fetch_add(&out->first->references, 1);
    out->last_used = out->last->used;
}

void head_view_take(const struct head *head, struct head_view *out)
{
    take_row(head->first_events, head->last_events, out);
}

void head_view_findings(const struct head *head, struct head_view *out)
{
    take_row(head->first_findings, head->last_findings, out);
}

void head_view_drop(struct head_view *view)
{
    release_blocks(view->first);
    *view = (struct head_view){0};
}

static bool tell_block(const struct event_block *block, size_t used, const struct head_wanted *wanted)
{
    for (size_t at = 0; at < used;) {
        struct event_header header;
        memcpy(&header, block->bytes + at, sizeof header);
        struct str line = {(const char *)block->bytes + at + sizeof header, header.len};
        at += event_bytes(header.len);
        if (header.kind != (uint32_t)wanted->kind || header.time < wanted->span.from ||
            header.time >= wanted->span.to)
            continue;
        if (!wanted->each(wanted->arg, wanted->kind, header.time, line))
            return false;
    }
    return true;
}

/* Of the last block only what is in the view is looked at: the owner may be writing behind it. */
bool head_view_events(const struct head_view *view, const struct head_wanted *wanted)
{
    for (const struct event_block *block = view->first; block; block = block->next) {
        bool is_last = block == view->last;
        if (!tell_block(block, is_last ? view->last_used : block->used, wanted))
            return false;
        if (is_last)
            break;
    }
    return true;
}

bool head_events(const struct head *head, enum event_kind kind, struct span span, reader_event_fn *each,
                 void *arg)
{
    const struct head_wanted wanted = {kind, span, each, arg};
    struct head_view view;
    head_view_take(head, &view);
    bool goes_on = head_view_events(&view, &wanted);
    head_view_drop(&view);
    return goes_on;
}
