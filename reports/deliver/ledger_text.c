/* The ledger's lines, and the table that they make. */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "reports/deliver/json_text.h"
#include "reports/deliver/ledger_private.h"
#include "reports/escape.h"
#include "storage/model/when.h"

enum { GROW = 64, COUNT_MAX = 1 << 20, ID_DIGITS = LEDGER_ID_BYTES - 1 };

static const char *const states[LEDGER_STATES] = {[LEDGER_SENDING] = "sending",
                                                  [LEDGER_WAITING] = "waiting",
                                                  [LEDGER_SENT] = "sent",
                                                  [LEDGER_FAILED] = "failed"};

void ledger_id(const char *const *parts, size_t count, char out[LEDGER_ID_BYTES])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++)
        (void)crypto_hash_sha256_update(&state, (const unsigned char *)parts[i], strlen(parts[i]) + 1);
    (void)crypto_hash_sha256_final(&state, hash);
    (void)sodium_bin2hex(out, LEDGER_ID_BYTES, hash, ID_DIGITS / 2);
}

/* ---- a line ---- */

void ledger_write(const struct ledger_entry *entry, struct bytes *out)
{
    char time[WHEN_TEXT_BYTES];
    bytes_printf(out, "{\"receiver\":\"%s\",\"report\":", entry->receiver);
    escape_json(out, entry->report);
    bytes_printf(out, ",\"week\":\"%s\",\"revision\":%zu,\"before\":%zu,\"state\":\"%s\"", entry->week,
                 entry->revision, entry->before, states[entry->state]);
    bytes_printf(out, ",\"attempts\":%zu,\"failures\":%zu,\"time\":\"%s\"", entry->attempts, entry->failures,
                 when_text(entry->time, time));
    if (entry->state == LEDGER_WAITING)
        bytes_printf(out, ",\"next\":\"%s\"", when_text(entry->next, time));
    if (entry->why[0]) {
        bytes_printf(out, ",\"why\":");
        escape_json(out, entry->why);
    }
    bytes_printf(out, "}\n");
}

/* A text that fits with its NUL; false: there is none. */
static bool take_text(const json_t *line, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(line, name);
    size_t len = json_string_length(value);
    if (!value || !json_is_string(value) || len == 0 || len >= size)
        return false;
    memcpy(out, json_string_value(value), len + 1);
    return true;
}

static bool take_count(const json_t *line, const char *name, size_t *out)
{
    json_int_t value = json_integer_value(json_object_get(line, name));
    *out = (size_t)value;
    return value >= 0 && value <= COUNT_MAX;
}

static bool take_time(const json_t *line, const char *name, time_ms_t *out)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text && when_parse_date(str_of(text), out, NULL) == TM_OK;
}

static bool take_state(const json_t *line, enum ledger_state *out)
{
    const char *text = json_string_value(json_object_get(line, "state"));
    int state = 0;
    while (text && state < LEDGER_STATES && strcmp(states[state], text) != 0)
        state++;
    *out = (enum ledger_state)state;
    return text && state < LEDGER_STATES;
}

/* Of a path: nothing that leads elsewhere. */
static bool is_name(const char *text)
{
    return text[0] != '.' && !strchr(text, '/');
}

static bool take_entry(const json_t *line, struct ledger_entry *out)
{
    struct week_name week;
    (void)take_text(line, "why", out->why, sizeof out->why);
    return take_text(line, "receiver", out->receiver, sizeof out->receiver) &&
           strspn(out->receiver, "0123456789abcdef") == ID_DIGITS &&
           take_text(line, "report", out->report, sizeof out->report) && is_name(out->report) &&
           take_text(line, "week", out->week, sizeof out->week) &&
           week_parse(str_of(out->week), &week, NULL) == TM_OK &&
           take_count(line, "revision", &out->revision) && out->revision > 0 &&
           take_count(line, "before", &out->before) && take_count(line, "attempts", &out->attempts) &&
           take_count(line, "failures", &out->failures) && take_state(line, &out->state) &&
           take_time(line, "time", &out->time) &&
           (out->state != LEDGER_WAITING || take_time(line, "next", &out->next));
}

enum tm_err ledger_read(struct str line, struct ledger_entry *out)
{
    json_t *root;
    enum tm_err err = json_text_read(line, &root);
    *out = (struct ledger_entry){.revision = 0};
    if (!err && !take_entry(root, out))
        err = TM_CORRUPT;
    json_decref(root);
    return err;
}

/* ---- the table ---- */

static struct ledger_entry *find(const struct ledger *ledger, const char *receiver, const char *report,
                                 const char *week)
{
    for (size_t i = 0; i < ledger->count; i++) {
        struct ledger_entry *entry = &ledger->entries[i];
        if (strcmp(entry->receiver, receiver) == 0 && strcmp(entry->report, report) == 0 &&
            strcmp(entry->week, week) == 0)
            return entry;
    }
    return NULL;
}

const struct ledger_entry *ledger_find(const struct ledger *ledger, const char *receiver, const char *report,
                                       const char *week)
{
    return find(ledger, receiver, report, week);
}

enum tm_err ledger_reserve(struct ledger *ledger, const struct ledger_entry *entry)
{
    if (ledger->count < ledger->capacity || find(ledger, entry->receiver, entry->report, entry->week))
        return TM_OK;
    if (ledger->count >= LEDGER_ENTRIES_MAX)
        return TM_LIMIT;
    size_t capacity = 2 * ledger->capacity + GROW;
    struct ledger_entry *grown = realloc(ledger->entries, capacity * sizeof *grown);
    if (!grown)
        return TM_NOMEM;
    ledger->entries = grown;
    ledger->capacity = capacity;
    return TM_OK;
}

void ledger_put(struct ledger *ledger, const struct ledger_entry *entry)
{
    struct ledger_entry *there = find(ledger, entry->receiver, entry->report, entry->week);
    if (!there)
        there = &ledger->entries[ledger->count++];
    *there = *entry;
}

enum tm_err ledger_take(struct ledger *ledger, struct str text, time_ms_t from, size_t *whole)
{
    const char *end;
    enum tm_err err = TM_OK;
    *whole = 0;
    while (!err && (end = text.len > *whole ? memchr(text.ptr + *whole, '\n', text.len - *whole) : NULL)) {
        struct str line = {text.ptr + *whole, (size_t)(end - text.ptr) - *whole};
        struct ledger_entry entry;
        err = ledger_read(line, &entry);
        if (!err && entry.time >= from) {
            err = ledger_reserve(ledger, &entry);
            if (!err)
                ledger_put(ledger, &entry);
        }
        if (err == TM_CORRUPT)
            err = TM_OK;
        *whole += line.len + 1;
        ledger->lines++;
    }
    return err;
}
