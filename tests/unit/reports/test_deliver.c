/* Messages on reports, to the byte; and the ledger of what was sent. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "reports/deliver/pending.h"
#include "tests/unit/reports/deliver_samples.h"

#define NOW_MS INT64_C(1795417200000) /* 2026-11-23T07:00:00Z */

static void compose(const char *json, size_t revision, const char *to, struct bytes *out)
{
    struct summary summary;
    const struct receiver receiver = {.to = to};
    const struct channel_letter letter = {&sample_settings, &receiver, NOW_MS};
    assert_int_equal(sample_summary(json, revision, &summary), TM_OK);
    channel_of(to)->compose(&summary, &letter, out);
    assert_int_equal(bytes_error(out), TM_OK);
    bytes_u8(out, '\0');
    summary_close(&summary);
}

/* ---- messages ---- */

static const char golden_text[] =
    "Weekly exception report: shop@prod, 2026-W47 (Revision 2)\n"
    "Owner: <!here>   Bcc: a@b · 160 of 168 hours with data\n\n"
    "Key figures\n"
    "- Requests: 12,345 (+3\xC2\xA0%, median of 4 weeks 11,000)\n"
    "- Exceptions: 7\n"
    "- Server errors (5xx): –\n- Client errors (4xx): –\n- New: –\n- Regressed: –\n"
    "- Escalating: –\n- Resolved: –\n- Bad deploys: –\n- Incidents: –\n\n"
    "What to do first\n"
    "1. Regressed: <b>*x* & \xEF\xBF\xBD .   – 1,234 (2.50×), first seen after 1.8.3 "
    "[worse]\n"
    "2. Missing data: 8 hours without data: see data quality [new]\n\n"
    "Changed since revision 1\n"
    "- exceptions: 5 → 7\n"
    "- Key_Error *x* & <b> a@b: not listed unknown → new 2\n\n"
    "https://tide.example.org/reports/shop%40prod/2026-W47/"
    "exceptions_shop%40prod_2026-W47.html\n";

static void a_summary_has_strip_actions_owner_changes_and_link(void **state)
{
    (void)state;
    struct summary summary;
    struct bytes text = {0};
    assert_int_equal(sample_summary(sample_json, 2, &summary), TM_OK);
    summary_put_all(&summary, &text);
    bytes_u8(&text, '\0');
    assert_string_equal((char *)text.data, golden_text);
    bytes_fini(&text);
    summary_close(&summary);
}

static const char *text_at(const json_t *message, size_t block)
{
    const json_t *item = json_array_get(json_object_get(message, "blocks"), block);
    assert_string_equal(json_string_value(json_object_get(json_object_get(item, "text"), "type")),
                        "plain_text");
    return json_string_value(json_object_get(json_object_get(item, "text"), "text"));
}

static void a_webhook_gets_plain_text_objects_and_an_escaped_text(void **state)
{
    (void)state;
    struct bytes out = {0};
    compose(sample_json, 2, "https://hooks.example.org/x", &out);
    json_t *message = json_loads((char *)out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(message);
    assert_int_equal(json_array_size(json_object_get(message, "blocks")), 6);
    assert_string_equal(text_at(message, 0), "Weekly exception report: shop@prod, 2026-W47 (Revision 2)");
    assert_string_equal(text_at(message, 1), "Owner: <!here>   Bcc: a@b · 160 of 168 hours with data");
    assert_string_equal(
        text_at(message, 3),
        "What to do first\n1. Regressed: <b>*x* & \xEF\xBF\xBD .   – 1,234 (2.50×), first seen after "
        "1.8.3 [worse]\n2. Missing data: 8 hours without data: see data quality [new]");
    assert_string_equal(text_at(message, 4),
                        "Changed since revision 1\n- exceptions: 5 → 7\n- Key_Error *x* & <b> "
                        "a@b: not listed unknown → new 2\n");
    const char *text = json_string_value(json_object_get(message, "text"));
    assert_non_null(strstr(text, "Owner: &lt;!here&gt;   Bcc: a@b"));
    assert_null(strpbrk(text, "<>"));
    json_decref(message);
    bytes_fini(&out);
}

static size_t times_in(const struct bytes *out, const char *text)
{
    size_t count = 0;
    for (const char *at = (const char *)out->data; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void a_mail_without_a_link_has_the_report_attached(void **state)
{
    const struct deliver_settings settings = {.url = "", .mail_from = "tide@example.org"};
    const struct receiver receiver = {.to = "mailto:ops@example.org"};
    const struct channel_letter letter = {&settings, &receiver, 0};
    struct summary summary;
    struct bytes out = {0};
    (void)state;
    assert_int_equal(sample_summary(sample_json, 1, &summary), TM_OK);
    free(summary.link);
    summary.link = NULL;
    bytes_printf(&summary.attachment, "<html>");
    summary.is_attachment_html = true;
    (void)snprintf(summary.attachment_name, sizeof summary.attachment_name, "exceptions_shop.html");
    compose_mail(&summary, &letter, &out);
    bytes_u8(&out, '\0');
    assert_int_equal(bytes_error(&out), TM_OK);
    assert_int_equal(
        times_in(&out, "Content-Type: multipart/mixed; boundary=\"=_00112233445566778899aabbccddeeff_\"\r\n"),
        1);
    assert_int_equal(times_in(&out, "\r\n--=_00112233445566778899aabbccddeeff_\r\n"), 2);
    assert_int_equal(times_in(&out, "\r\n--=_00112233445566778899aabbccddeeff--\r\n"), 1);
    assert_int_equal(times_in(&out, "Content-Disposition: attachment; filename=\"exceptions_shop.html\"\r\n"),
                     1);
    assert_int_equal(times_in(&out, "\r\n\r\nPGh0bWw+\r\n--=_00112233445566778899aabbccddeeff_--\r\n"), 1);
    bytes_fini(&out);
    summary_close(&summary);
}

static void a_mail_is_a_header_and_two_parts_of_base64(void **state)
{
    (void)state;
    struct bytes out = {0};
    compose(sample_json, 1, "mailto:ops@example.org", &out);
    static const char head[] =
        "Date: Mon, 23 Nov 2026 07:00:00 +0000\r\n"
        "From: tidemark <tide@example.org>\r\nTo: <ops@example.org>\r\n"
        "Subject: Weekly exception report: shop@prod, 2026-W47\r\n"
        "Message-ID: <00112233445566778899aabbccddeeff@example.org>\r\n"
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative; boundary=\"=_00112233445566778899aabbccddeeff\"\r\n\r\n"
        "--=_00112233445566778899aabbccddeeff\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
        "V2Vla2x5IGV4Y2VwdGlvbiByZXBvcnQ6IHNob3BAcHJvZCwgMjAyNi1XNDcKT3duZXI6IDwhaGVy\r\n";
    assert_memory_equal(out.data, head, sizeof head - 1);
    const char *end = strstr((char *)out.data, "--=_00112233445566778899aabbccddeeff--\r\n");
    assert_non_null(end);
    assert_int_equal(end + strlen(end) - (char *)out.data, out.len - 1);
    for (size_t i = 0; i + 1 < out.len; i++)
        assert_true(out.data[i] < 0x80 && (out.data[i] != '\n' || out.data[i - 1] == '\r'));
    bytes_fini(&out);
}

static void a_korean_subject_is_encoded_in_words_of_whole_characters(void **state)
{
    (void)state;
    struct bytes out = {0};
    compose(korean_json, 1, "mailto:ops@example.org", &out);
    const char *subject = strstr((char *)out.data, "\r\nSubject: ");
    assert_non_null(subject);
    static const char words[] =
        "\r\nSubject: =?UTF-8?B?7KO86rCEIOyYiOyZuCDrs7Tqs6DshJw6IOqysOygnCDshJzruYTsiqTsnZgg?=\r\n"
        " =?UTF-8?B?66ek7JqwIOq4tCDsnbTrpoQsIDIwMjYtVzQ3?=\r\nMessage-ID: ";
    assert_memory_equal(subject, words, sizeof words - 1);
    bytes_fini(&out);
}

static void what_is_no_report_makes_no_message(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "{}", "{\"week\":\"2026-W47\"}", "{\"week\":1,\"quality\":{}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct summary summary;
        assert_int_equal(summary_read(str_of(texts[i]), &summary), TM_CORRUPT);
        summary_close(&summary);
    }
}

static void a_receiver_is_shown_without_what_is_secret(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"https://hooks.example.org/services/T0/secret", "https://hooks.example.org"},
        {"https://user:secret@hooks.example.org:8443?secret", "https://hooks.example.org:8443"},
        {"http://[::1]:80#secret", "http://[::1]:80"},
        {"https://hooks.example.org/a@b", "https://hooks.example.org"},
        {"mailto:ops@example.org", "mailto:ops@example.org"},
    };
    char shown[CHANNEL_SHOWN_BYTES];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(channel_shown(pairs[i][0], shown), pairs[i][1]);
    assert_null(channel_of("ftp://x"));
}

static void settings_are_read_and_bad_ones_refused(void **state)
{
    (void)state;
    struct deliver_settings s;
    struct tm_why why;
    assert_int_equal(
        settings_parse(STR("{\"url\":\"u\",\"timeout_ms\":5,\"mail\":{\"from\":\"f\"},\"receivers\":["
                           "{\"to\":\"mailto:a\",\"service\":\"shop\"},{\"to\":\"http://x\"}]}"),
                       &s, &why),
        TM_OK);
    assert_int_equal(s.receiver_count, 2);
    assert_int_equal(s.timeout_ms, 5);
    assert_string_equal(s.receivers[0].service, "shop");
    assert_null(s.receivers[1].service);
    assert_string_equal(s.mail_from, "f");
    assert_string_equal(s.mail_server, "");
    settings_close(&s);
    static const char *const bad[] = {"", "[]", "{\"receivers\":[{}]}",
                                      "{\"receivers\":[{\"to\":\"ftp://x\"}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(settings_parse(str_of(bad[i]), &s, &why), TM_INVALID);
        settings_close(&s);
    }
}

/* ---- the ledger ---- */

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    char path[300];
    (void)snprintf(path, sizeof path, "%s/tidemark-test-XXXXXX", base ? base : "/tmp");
    *state = mkdtemp(path) ? strdup(path) : NULL;
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {".deliveries", ".deliveries.lock", ".deliveries.new"};
    int folder = open(*state, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(folder, names[i], 0);
    (void)close(folder);
    (void)rmdir(*state);
    free(*state);
    return 0;
}

static struct ledger_entry entry_of(const char *to, const char *report, enum ledger_state state,
                                    time_ms_t time)
{
    struct ledger_entry entry = {
        .week = "2026-W47", .revision = 1, .state = state, .attempts = 1, .time = time};
    ledger_id(&to, 1, entry.receiver);
    (void)snprintf(entry.report, sizeof entry.report, "%s", report);
    return entry;
}

static struct ledger open_ledger(const char *dir, time_ms_t from)
{
    struct ledger ledger;
    struct tm_why why = {""};
    int folder = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(ledger_open(folder, from, &ledger, &why), TM_OK);
    (void)close(folder);
    return ledger;
}

static void note(struct ledger *ledger, struct ledger_entry entry)
{
    struct tm_why why = {""};
    assert_int_equal(ledger_note(ledger, &entry, &why), TM_OK);
}

static enum ledger_state state_of(const struct ledger *ledger, const char *to, const char *report)
{
    char id[LEDGER_ID_BYTES];
    ledger_id(&to, 1, id);
    const struct ledger_entry *entry = ledger_find(ledger, id, report, "2026-W47");
    assert_non_null(entry);
    return entry->state;
}

static void what_was_noted_is_there_again(void **state)
{
    struct ledger ledger = open_ledger(*state, 0);
    note(&ledger, entry_of("a", "shop", LEDGER_SENDING, 10));
    note(&ledger, entry_of("a", "shop", LEDGER_SENT, 20));
    note(&ledger, entry_of("b", "shop", LEDGER_SENDING, 30));
    ledger_close(&ledger);
    ledger = open_ledger(*state, 0);
    assert_int_equal(ledger.count, 2);
    assert_int_equal(state_of(&ledger, "a", "shop"), LEDGER_SENT);
    assert_int_equal(state_of(&ledger, "b", "shop"), LEDGER_SENDING);
    ledger_close(&ledger);
    ledger = open_ledger(*state, 25);
    assert_int_equal(ledger.count, 1); /* the older one is forgotten */
    ledger_close(&ledger);
}

static void a_torn_tail_is_cut_at_every_byte(void **state)
{
    char path[400];
    struct ledger ledger = open_ledger(*state, 0);
    note(&ledger, entry_of("a", "shop", LEDGER_SENDING, 10));
    off_t first = lseek(ledger.file, 0, SEEK_END);
    note(&ledger, entry_of("a", "shop", LEDGER_SENT, 20));
    off_t both = lseek(ledger.file, 0, SEEK_END);
    ledger_close(&ledger);
    (void)snprintf(path, sizeof path, "%s/.deliveries", (char *)*state);
    for (off_t len = both - 1; len >= first; len--) {
        struct stat info;
        assert_int_equal(truncate(path, len), 0);
        ledger = open_ledger(*state, 0);
        assert_int_equal(state_of(&ledger, "a", "shop"), LEDGER_SENDING);
        ledger_close(&ledger);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_size, first);
        ledger = open_ledger(*state, 0);
        note(&ledger, entry_of("a", "shop", LEDGER_SENT, 20));
        ledger_close(&ledger);
        ledger = open_ledger(*state, 0);
        assert_int_equal(state_of(&ledger, "a", "shop"), LEDGER_SENT);
        ledger_close(&ledger);
    }
}

static void a_long_ledger_is_written_anew_with_what_holds(void **state)
{
    struct stat info;
    char path[400];
    struct ledger ledger = open_ledger(*state, 0);
    for (int i = 0; i < 300; i++)
        note(&ledger, entry_of("a", i % 2 ? "shop" : "pay", i < 298 ? LEDGER_SENDING : LEDGER_SENT, i));
    ledger_close(&ledger);
    ledger = open_ledger(*state, 0);
    assert_int_equal(ledger.lines, 300);
    note(&ledger, entry_of("a", "cart", LEDGER_SENT, 400));
    ledger_close(&ledger);
    (void)snprintf(path, sizeof path, "%s/.deliveries", (char *)*state);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    ledger = open_ledger(*state, 0);
    assert_int_equal(ledger.lines, 3);
    assert_int_equal(state_of(&ledger, "a", "shop"), LEDGER_SENT);
    assert_int_equal(state_of(&ledger, "a", "cart"), LEDGER_SENT);
    ledger_close(&ledger);
}

static void a_receiver_rests_until_it_took_something(void **state)
{
    struct ledger ledger = open_ledger(*state, 0);
    struct ledger_entry waiting = entry_of("a", "shop", LEDGER_WAITING, 10);
    time_ms_t until;
    waiting.failures = 3;
    waiting.next = 99;
    note(&ledger, waiting);
    note(&ledger, entry_of("b", "shop", LEDGER_SENT, 11));
    assert_int_equal(ledger_failures(&ledger, waiting.receiver, &until), 3);
    assert_int_equal(until, 99);
    note(&ledger, entry_of("a", "pay", LEDGER_SENT, 12));
    assert_int_equal(ledger_failures(&ledger, waiting.receiver, &until), 0);
    assert_int_equal(until, INT64_MIN);
    ledger_close(&ledger);
}

/* ---- what is wanted ---- */

static bool is_wanted(const struct ledger *ledger, const char *service, int weeks_ago, size_t revision,
                      struct ledger_entry *entry)
{
    const char *to = "a";
    struct receiver receiver = {.to = to, .service = service};
    struct pending_report report = {
        .name = "shop%40x@prod", .week = "2026-W47", .weeks_ago = weeks_ago, .revision = revision};
    ledger_id(&to, 1, receiver.id);
    return pending_wanted(&report, &receiver, ledger, entry);
}

static void each_revision_is_wanted_once_and_old_weeks_only_by_who_knows_them(void **state)
{
    struct ledger ledger = open_ledger(*state, 0);
    struct ledger_entry entry;
    assert_true(is_wanted(&ledger, NULL, 1, 1, &entry));
    assert_int_equal(entry.before, 0);
    assert_false(is_wanted(&ledger, NULL, 2, 1, &entry));
    note(&ledger, entry_of("a", "shop%40x@prod", LEDGER_SENDING, 1));
    assert_true(is_wanted(&ledger, NULL, 4, 1, &entry));
    assert_int_equal(entry.attempts, 1);
    note(&ledger, entry_of("a", "shop%40x@prod", LEDGER_SENT, 2));
    assert_false(is_wanted(&ledger, NULL, 1, 1, &entry));
    assert_true(is_wanted(&ledger, NULL, 2, 2, &entry));
    assert_int_equal(entry.before, 1);
    assert_int_equal(entry.attempts, 0);
    note(&ledger, entry_of("a", "shop%40x@prod", LEDGER_FAILED, 3));
    assert_false(is_wanted(&ledger, NULL, 1, 1, &entry));
    assert_true(is_wanted(&ledger, NULL, 1, 2, &entry));
    ledger_close(&ledger);
}

static void a_receiver_of_a_service_gets_that_service_in_all_its_environments(void **state)
{
    struct ledger ledger = open_ledger(*state, 0);
    struct ledger_entry entry;
    assert_true(is_wanted(&ledger, "shop@x", 1, 1, &entry));
    assert_false(is_wanted(&ledger, "shop", 1, 1, &entry));
    assert_false(is_wanted(&ledger, "shop@x@prod", 1, 1, &entry));
    ledger_close(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_has_strip_actions_owner_changes_and_link),
        cmocka_unit_test(a_webhook_gets_plain_text_objects_and_an_escaped_text),
        cmocka_unit_test(a_mail_without_a_link_has_the_report_attached),
        cmocka_unit_test(a_mail_is_a_header_and_two_parts_of_base64),
        cmocka_unit_test(a_korean_subject_is_encoded_in_words_of_whole_characters),
        cmocka_unit_test(what_is_no_report_makes_no_message),
        cmocka_unit_test(a_receiver_is_shown_without_what_is_secret),
        cmocka_unit_test(settings_are_read_and_bad_ones_refused),
        cmocka_unit_test_setup_teardown(what_was_noted_is_there_again, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_at_every_byte, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_long_ledger_is_written_anew_with_what_holds, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_receiver_rests_until_it_took_something, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(each_revision_is_wanted_once_and_old_weeks_only_by_who_knows_them,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_receiver_of_a_service_gets_that_service_in_all_its_environments,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
