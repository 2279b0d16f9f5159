/* Newest first: the events of one page are gathered in a heap whose root is the one to be given last. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/events/events_pass.h"
#include "storage/grow.h"

enum { PAGE_BYTES_MAX = 64 << 20, TEXT_PARTS = 3 };

struct found {
    time_ms_t time;
    uint64_t hash;
    struct bytes bytes;
};

struct page {
    struct events_cursor cursor;
    uint64_t seen; /* events at the cursor */
    struct found *heap;
    size_t count;
    size_t capacity;
    size_t most;
    size_t bytes;
    struct bytes scratch;
    enum tm_err err;
};

/* < 0: a is given before b. */
static int compare(time_ms_t a_time, uint64_t a_hash, time_ms_t b_time, uint64_t b_hash)
{
    if (a_time != b_time)
        return a_time > b_time ? -1 : 1;
    return (a_hash > b_hash) - (a_hash < b_hash);
}

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return compare(x->time, x->hash, y->time, y->hash);
}

static void swap(struct page *page, size_t a, size_t b)
{
    struct found kept = page->heap[a];
    page->heap[a] = page->heap[b];
    page->heap[b] = kept;
}

static void sift_up(struct page *page, size_t at)
{
    while (at > 0 && compare_found(&page->heap[(at - 1) / 2], &page->heap[at]) < 0) {
        swap(page, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct page *page)
{
    for (size_t at = 0;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < page->count; child++) {
            if (compare_found(&page->heap[last], &page->heap[child]) < 0)
                last = child;
        }
        if (last == at)
            return;
        swap(page, at, last);
        at = last;
    }
}

/* Whether it lies behind the cursor. Events with the same time and hash are the same: which of them were
 * given does not matter, only how many. */
static bool is_behind(struct page *page, time_ms_t time, uint64_t hash)
{
    int order = compare(page->cursor.time, page->cursor.hash, time, hash);
    return order < 0 || (order == 0 && page->seen++ >= page->cursor.skip);
}

static enum tm_err keep(struct page *page, time_ms_t time, uint64_t hash)
{
    struct found *into;
    if (page->count < page->most) {
        struct found *heap = grow_array(page->heap, &page->capacity, page->count + 1, sizeof *heap);
        if (!heap)
            return TM_NOMEM;
        page->heap = heap;
        into = &heap[page->count];
        *into = (struct found){0};
    } else {
        into = &page->heap[0];
    }
    size_t before = into->bytes.len;
    bytes_clear(&into->bytes);
    bytes_put(&into->bytes, page->scratch.data, page->scratch.len);
    if (bytes_error(&into->bytes)) /* it ends the search: the heap is of no use any more */
        return TM_NOMEM;
    into->time = time;
    into->hash = hash;
    if (page->count < page->most)
        sift_up(page, page->count++);
    else
        sift_down(page);
    page->bytes += page->scratch.len - before;
    return page->bytes > PAGE_BYTES_MAX ? TM_LIMIT : TM_OK;
}

static bool take_event(void *arg, const struct http_event *event)
{
    struct page *page = arg;
    bool is_full = page->count == page->most;
    if (event->time > page->cursor.time || (is_full && event->time < page->heap[0].time))
        return true;
    bytes_clear(&page->scratch);
    page->err = http_event_encode(event, &page->scratch);
    if (page->err)
        return false;
    uint64_t hash = XXH3_64bits_withSeed(page->scratch.data, page->scratch.len, (uint64_t)event->time);
    if (!is_behind(page, event->time, hash) ||
        (is_full && compare(event->time, hash, page->heap[0].time, page->heap[0].hash) >= 0))
        return true;
    page->err = keep(page, event->time, hash);
    return page->err == TM_OK;
}

static bool is_enough(void *arg, time_ms_t newest)
{
    const struct page *page = arg;
    return page->count == page->most && newest < page->heap[0].time;
}

static void give(struct page *page, const struct events_page *how)
{
    struct events_cursor *cursor = how->cursor;
    struct labels tags;
    for (size_t i = 0; i < page->count && i < how->limit; i++) {
        const struct found *found = &page->heap[i];
        struct http_event event;
        bool is_same = cursor->time == found->time && cursor->hash == found->hash;
        *cursor = (struct events_cursor){found->time, found->hash, is_same ? cursor->skip + 1 : 1};
        if (http_event_decode(bytes_view(&found->bytes), &event, &tags) != TM_OK)
            continue; /* it was encoded here */
        event.time = found->time;
        if (how->each && !how->each(how->arg, &event)) {
            if (how->is_more)
                *how->is_more = i + 1 < page->count;
            return;
        }
    }
}

enum tm_err events_search(struct reader *reader, const struct events_query *query,
                          const struct events_page *page, struct tm_why *why)
{
    struct page p = {.cursor = *page->cursor, .most = page->limit + (page->is_more != NULL)};
    const struct events_sink sink = {.arg = &p, .event = take_event, .is_enough = is_enough};
    struct events_query narrowed = *query;
    if (page->limit < 1 || page->limit > EVENTS_LIMIT_MAX)
        return tm_fail(why, TM_INVALID, "limit must be 1 to %d", EVENTS_LIMIT_MAX);
    if (p.cursor.time < INT64_MAX && p.cursor.time + 1 < narrowed.span.to)
        narrowed.span.to = p.cursor.time + 1;
    enum tm_err err = events_pass(reader, &narrowed, &sink, why);
    if (!err && p.err == TM_LIMIT)
        err = tm_fail(why, TM_LIMIT, "these events take over 64 MiB: ask for fewer at once (limit)");
    else if (!err && p.err)
        err = tm_fail(why, p.err, "gathering events: %s", tm_err_text(p.err));
    if (!err) {
        if (p.count > 1)
            qsort(p.heap, p.count, sizeof *p.heap, compare_found);
        if (page->is_more)
            *page->is_more = p.count > page->limit;
        give(&p, page);
    }
    for (size_t i = 0; i < p.count; i++)
        bytes_fini(&p.heap[i].bytes);
    free(p.heap);
    bytes_fini(&p.scratch);
    return err;
}

/* ---- cursors as text ---- */

void events_cursor_text(const struct events_cursor *cursor, char out[EVENTS_CURSOR_BYTES])
{
    (void)snprintf(out, EVENTS_CURSOR_BYTES, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, (uint64_t)cursor->time,
                   cursor->hash, cursor->skip);
}

static enum tm_err take_hex(struct str *text, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    *out = 0;
    for (; at < text->len && text->ptr[at] != '-'; at++) {
        const char *digit = memchr(digits, text->ptr[at], sizeof digits - 1);
        if (!digit || at >= 16)
            return TM_INVALID;
        *out = *out << 4 | (uint64_t)(digit - digits);
    }
    if (at == 0)
        return TM_INVALID;
    *text = (struct str){text->ptr + at, text->len - at};
    return TM_OK;
}

enum tm_err events_cursor_parse(struct str text, struct events_cursor *out)
{
    uint64_t parts[TEXT_PARTS];
    for (size_t i = 0; i < TEXT_PARTS; i++) {
        if (i > 0) {
            if (text.len == 0)
                return TM_INVALID;
            text = (struct str){text.ptr + 1, text.len - 1}; /* the dash */
        }
        if (take_hex(&text, &parts[i]) != TM_OK)
            return TM_INVALID;
    }
    if (text.len > 0)
        return TM_INVALID;
    *out = (struct events_cursor){(time_ms_t)parts[0], parts[1], parts[2]};
    return TM_OK;
}
