/* Any bytes as what stands in a reports' folder: a ledger, the report of the week before, the two whose
 * changes are listed (parts of the input, by bytes of 0xFF). What is written from them is whole whatever they
 * hold. */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/escape.h"
#include "reports/files_private.h"
#include "reports/read_back.h"
#include "reports/texts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

/* A ledger with one entry more is JSON, has what stood in the one before, and its last revision is the new
 * one. */
static void check_ledger(struct str before)
{
    const struct files_set set = {.name = "a@b", .week = "2026-W47", .format = {[RENDER_JSON] = STR("{}")}};
    struct bytes out = {0};
    size_t last = files_revision(before);
    files_ledger(before, &set, last + 1, 1764000000000, &out);
    require(bytes_error(&out) == TM_OK);
    json_t *ledger = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(ledger, "revisions");
    require(json_is_array(list) && files_revision(bytes_view(&out)) == last + 1);
    json_t *old = json_loadb(before.ptr, before.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *earlier = json_object_get(old, "revisions");
    size_t kept = 0;
    for (size_t i = 0; i < json_array_size(earlier); i++)
        if (json_is_object(json_array_get(earlier, i)))
            require(json_equal(json_array_get(list, kept++), json_array_get(earlier, i)));
    require(json_array_size(list) == kept + 1);
    json_decref(old);
    json_decref(ledger);
    bytes_fini(&out);
}

/* Each change is one line of a list, and nothing of a name is markup. */
static void check_changes(struct str before, struct str after)
{
    struct bytes out = {0};
    files_changes(before, after, &out);
    require(bytes_error(&out) == TM_OK);
    struct str rest = bytes_view(&out);
    for (size_t line = 0; rest.len > 0; line++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        require(end != NULL);
        size_t length = (size_t)(end - rest.ptr);
        require(line == 0   ? length > 2 && rest.ptr[0] == '#'
                : line == 1 ? length == 0
                            : length > 2 && memcmp(rest.ptr, "- ", 2) == 0);
        require(!memchr(rest.ptr, '<', length) && !memchr(rest.ptr, '@', length));
        rest = (struct str){end + 1, rest.len - length - 1};
    }
    bytes_fini(&out);
}

static void check_read_back(struct str json)
{
    json_t *report = json_loadb(json.ptr, json.len, 0, NULL);
    struct report_action actions[REPORT_ACTIONS_MAX];
    struct report_figure strip[KEY_COUNT];
    size_t count = read_back_actions(report, actions);
    require(count <= REPORT_ACTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct report_action *a = &actions[i];
        struct bytes out = {0};
        require(a->reason < REASON_COUNT && a->progress < PROGRESS_COUNT);
        require(a->weeks_open >= 1 && a->weeks_open <= READ_BACK_WEEKS_MAX && a->count <= INT64_MAX);
        escape_html(&out, a->what, 0);
        escape_html(&out, a->version, 0);
        bytes_fini(&out);
    }
    read_back_strip(report, strip);
    for (int key = 0; key < KEY_COUNT; key++) {
        char text[TEXT_FIGURE_BYTES];
        (void)text_key_value((enum report_key)key, strip[key].now, text);
        (void)text_change((enum report_key)key, strip[key].now, strip[key].last_week, text);
        require(memchr(text, 0, sizeof text) != NULL);
    }
    json_decref(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum { PARTS = 3 };
    struct str parts[PARTS] = {{0}}, rest = {(const char *)data, len};
    for (size_t i = 0; i < PARTS && rest.len > 0; i++) {
        const char *end = memchr(rest.ptr, 0xFF, rest.len);
        size_t length = end ? (size_t)(end - rest.ptr) : rest.len;
        parts[i] = (struct str){rest.ptr, length};
        rest = end ? (struct str){end + 1, rest.len - length - 1} : (struct str){"", 0};
    }
    for (size_t i = 0; i < PARTS; i++)
        if (!parts[i].ptr)
            parts[i] = STR("");
    check_ledger(parts[0]);
    check_read_back(parts[1]);
    check_changes(parts[1], parts[2]);
    return 0;
}
