#include "reports/deliver/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/deliver/channel.h"
#include "reports/deliver/pending.h"
#include "reports/escape.h"
#include "reports/files_private.h"

#define DAY_MS INT64_C(86400000)

enum {
    ATTACHED_MAX = 2 << 20, /* bytes of a report, which are 2.7 MiB in a mail */
    FORGET_DAYS = 60,
    FIRST_WAIT_MS = 2000, /* doubled from failure to failure */
    LONGEST_WAIT_MS = 3600000,
    DOUBLINGS = 11,
    JSON_MAX = 64 << 20,
    ERRORS_MAX = 10,
    PATH_BYTES = 900,
    NUMBER_BYTES = 24
};

struct pass {
    const struct deliver_options *options;
    int folder;
    struct ledger ledger;
    struct sender *sender;
    struct pending_reports reports;
    size_t sent, failed, waiting, errors;
    time_ms_t next; /* INT64_MAX: nothing waits */
    struct bytes told;
};

/* One message on its way. */
struct letter {
    const struct pending_report *report;
    const struct receiver *receiver;
    struct ledger_entry entry;
};

static time_ms_t now_of(const struct pass *pass)
{
    return clock_wall_ms(pass->options->clock);
}

static void tell_error(struct pass *pass, const struct letter *letter)
{
    char shown[CHANNEL_SHOWN_BYTES];
    if (pass->errors++ >= ERRORS_MAX)
        return;
    bytes_printf(&pass->told, "%s{\"to\":", pass->told.len > 0 ? "," : "");
    escape_json(&pass->told, channel_shown(letter->receiver->to, shown));
    bytes_printf(&pass->told, ",\"report\":");
    escape_json(&pass->told, letter->entry.report);
    bytes_printf(&pass->told, ",\"week\":\"%s\",\"final\":%s,\"error\":", letter->entry.week,
                 letter->entry.state == LEDGER_FAILED ? "true" : "false");
    escape_json(&pass->told, letter->entry.why);
    bytes_u8(&pass->told, '}');
}

/* ---- what is told ---- */

static bool has_hash(struct str content, const char *hex)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[2 * sizeof hash + 1];
    (void)crypto_hash_sha256(hash, (const unsigned char *)content.ptr, content.len);
    return strcmp(sodium_bin2hex(text, sizeof text, hash, sizeof hash), hex) == 0;
}

/* What is other than in the revision that the receiver has; that may be gone. */
static enum tm_err take_changes(const struct pass *pass, const struct pending_report *report, struct str json,
                                struct summary *summary)
{
    char path[PATH_BYTES], file[FILES_FILE_BYTES];
    struct bytes before = {0}, changes = {0};
    (void)snprintf(path, sizeof path, "%s/%s/rev/%zu/%s", report->name, report->week, summary->before,
                   files_file(report->name, report->week, RENDER_JSON, file));
    enum tm_err err = files_get(pass->folder, path, JSON_MAX, &before);
    if (!err) {
        files_changes(bytes_view(&before), json, &changes);
        err = bytes_error(&changes);
    }
    if (!err)
        err = summary_take_changes(summary, bytes_view(&changes));
    bytes_fini(&before);
    bytes_fini(&changes);
    return err == TM_NOMEM ? err : TM_OK;
}

/* The report itself, for who has no link to it: its HTML, else its Markdown; without a file that is small
 * enough none. */
static enum tm_err find_attachment(const struct pass *pass, const struct letter *letter, struct summary *out)
{
    static const enum render_format formats[] = {RENDER_HTML, RENDER_MARKDOWN};
    const struct pending_report *report = letter->report;
    char path[PATH_BYTES];
    enum tm_err err = TM_NOT_FOUND;
    if (pass->options->settings->url[0] || !channel_of(letter->receiver->to)->has_attachments)
        return TM_OK;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && err && err != TM_NOMEM; i++) {
        bytes_clear(&out->attachment);
        out->is_attachment_html = formats[i] == RENDER_HTML;
        (void)snprintf(path, sizeof path, "%s/%s/%s", report->name, report->week,
                       files_file(report->name, report->week, formats[i], out->attachment_name));
        err = files_get(pass->folder, path, ATTACHED_MAX, &out->attachment);
    }
    if (err)
        bytes_clear(&out->attachment);
    return err == TM_NOMEM ? err : TM_OK;
}

/* Reads the report. TM_NOT_FOUND: it is just being replaced; TM_CORRUPT, TM_NOMEM. */
static enum tm_err read_report(const struct pass *pass, const struct letter *letter, struct summary *out)
{
    const struct pending_report *report = letter->report;
    char path[PATH_BYTES], file[FILES_FILE_BYTES], number[NUMBER_BYTES];
    struct bytes json = {0};
    (void)snprintf(path, sizeof path, "%s/%s/%s", report->name, report->week,
                   files_file(report->name, report->week, RENDER_JSON, file));
    (void)snprintf(number, sizeof number, "%zu", report->revision);
    const char *const parts[] = {letter->receiver->to, report->name, report->week, number};
    /* Before the JSON, whose hash then says that both are of this revision. */
    struct summary attached = {.document = NULL};
    enum tm_err err = find_attachment(pass, letter, &attached);
    if (!err)
        err = files_get(pass->folder, path, JSON_MAX, &json);
    if (!err && !has_hash(bytes_view(&json), report->hash))
        err = TM_NOT_FOUND;
    if (!err)
        err = summary_read(bytes_view(&json), out);
    out->attachment = attached.attachment;
    out->is_attachment_html = attached.is_attachment_html;
    memcpy(out->attachment_name, attached.attachment_name, sizeof out->attachment_name);
    out->revision = report->revision;
    out->before = letter->entry.before;
    ledger_id(parts, sizeof parts / sizeof *parts, out->key);
    if (!err)
        err = summary_link(out, pass->options->settings->url, report->name);
    if (!err && out->before > 0)
        err = take_changes(pass, report, bytes_view(&json), out);
    bytes_fini(&json);
    return err;
}

/* ---- one message ---- */

static time_ms_t wait_ms(size_t failures, int64_t asked_ms)
{
    size_t doublings = failures > DOUBLINGS ? DOUBLINGS : failures - 1;
    int64_t wait = (int64_t)FIRST_WAIT_MS << doublings;
    wait = wait < asked_ms ? asked_ms : wait;
    return wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS;
}

static enum tm_err note(struct pass *pass, struct letter *letter, enum ledger_state state, struct tm_why *why)
{
    letter->entry.state = state;
    letter->entry.time = now_of(pass);
    return ledger_note(&pass->ledger, &letter->entry, why);
}

static void quote(struct letter *letter, const struct tm_why *why)
{
    (void)snprintf(letter->entry.why, sizeof letter->entry.why, "%.*s", LEDGER_WHY_BYTES - 1, why->text);
}

/* How it ended, noted. *goes_on: the receiver takes more. */
static enum tm_err note_end(struct pass *pass, struct letter *letter, enum channel_end end, int64_t asked_ms,
                            bool *goes_on, struct tm_why *why)
{
    struct ledger_entry *entry = &letter->entry;
    *goes_on = end != CHANNEL_LATER;
    if (end == CHANNEL_SENT) {
        entry->failures = 0;
        entry->why[0] = '\0';
        pass->sent++;
        return note(pass, letter, LEDGER_SENT, why);
    }
    quote(letter, why);
    if (end == CHANNEL_NEVER) {
        entry->failures = 0;
        pass->failed++;
    } else {
        time_ms_t unused;
        entry->failures = ledger_failures(&pass->ledger, entry->receiver, &unused) + 1;
        entry->next = now_of(pass) + wait_ms(entry->failures, asked_ms);
        pass->next = entry->next < pass->next ? entry->next : pass->next;
        pass->waiting++;
    }
    enum tm_err err = note(pass, letter, end == CHANNEL_NEVER ? LEDGER_FAILED : LEDGER_WAITING, why);
    tell_error(pass, letter);
    return err;
}

/* Noted before it is sent: without room for that nothing goes out, again and again. */
static enum tm_err send_one(struct pass *pass, struct letter *letter, const struct summary *summary,
                            bool *goes_on, struct tm_why *why)
{
    const struct channel *channel = channel_of(letter->receiver->to);
    const struct channel_letter to = {pass->options->settings, letter->receiver, now_of(pass)};
    struct bytes body = {0};
    int64_t asked_ms = 0;
    channel->compose(summary, &to, &body);
    enum tm_err err = bytes_error(&body);
    if (err)
        tm_why_write(why, "out of memory for a message on %s", letter->entry.report);
    time_ms_t unused;
    letter->entry.attempts++;
    letter->entry.failures = ledger_failures(&pass->ledger, letter->entry.receiver, &unused);
    if (!err)
        err = note(pass, letter, LEDGER_SENDING, why);
    if (!err) {
        enum channel_end end =
            channel->send(pass->sender, &to, summary->key, bytes_view(&body), &asked_ms, why);
        err = note_end(pass, letter, end, asked_ms, goes_on, why);
    }
    bytes_fini(&body);
    return err;
}

static enum tm_err take_letter(struct pass *pass, struct letter *letter, bool *goes_on, struct tm_why *why)
{
    struct summary summary = {.document = NULL};
    enum tm_err err = read_report(pass, letter, &summary);
    *goes_on = true;
    if (err == TM_NOMEM)
        tm_why_write(why, "out of memory for a message on %s", letter->entry.report);
    else if (err || summary.is_custom)
        err = TM_OK; /* a part of a week that somebody looked at, or just being replaced */
    else
        err = send_one(pass, letter, &summary, goes_on, why);
    summary_close(&summary);
    return err;
}

/* ---- one receiver ---- */

static int compare_letters(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    if (x->entry.attempts != y->entry.attempts)
        return x->entry.attempts < y->entry.attempts ? -1 : 1;
    return x->report < y->report ? -1 : x->report > y->report;
}

/* What it has not; what failed most often comes last. NULL: none, or no memory. */
static struct letter *collect(const struct pass *pass, const struct receiver *receiver, size_t *count)
{
    struct letter *letters = calloc(pass->reports.count + 1, sizeof *letters);
    *count = 0;
    for (size_t i = 0; letters && i < pass->reports.count; i++) {
        struct letter *letter = &letters[*count];
        letter->report = &pass->reports.at[i];
        letter->receiver = receiver;
        *count += pending_wanted(letter->report, receiver, &pass->ledger, &letter->entry);
    }
    if (letters && *count > 1)
        qsort(letters, *count, sizeof *letters, compare_letters);
    return letters;
}

static enum tm_err serve(struct pass *pass, const struct receiver *receiver, struct tm_why *why)
{
    size_t count, done = 0;
    time_ms_t rests_until, now = now_of(pass);
    bool goes_on = true;
    enum tm_err err = TM_OK;
    struct letter *letters = collect(pass, receiver, &count);
    if (!letters)
        return tm_fail(why, TM_NOMEM, "out of memory for the receivers of reports");
    (void)ledger_failures(&pass->ledger, receiver->id, &rests_until);
    /* Not for ever where the clock went back. */
    if (count > 0 && rests_until > now && rests_until <= now + LONGEST_WAIT_MS) {
        pass->next = rests_until < pass->next ? rests_until : pass->next;
        goes_on = false;
    }
    while (!err && goes_on && done < count)
        err = take_letter(pass, &letters[done++], &goes_on, why);
    pass->waiting += count - done;
    free(letters);
    return err;
}

/* What waits of weeks that are too long ago. */
static enum tm_err give_up(struct pass *pass, struct tm_why *why)
{
    time_ms_t from = week_span(week_add(week_clock(now_of(pass)).week, -PENDING_WEEKS)).from;
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < pass->ledger.count && !err; i++) {
        struct ledger_entry entry = pass->ledger.entries[i];
        struct week_name week;
        bool is_old = week_parse(str_of(entry.week), &week, NULL) == TM_OK && week_span(week).from < from;
        if (!is_old || (entry.state != LEDGER_WAITING && entry.state != LEDGER_SENDING))
            continue;
        entry.state = LEDGER_FAILED;
        entry.time = now_of(pass);
        pass->failed++;
        err = ledger_note(&pass->ledger, &entry, why);
    }
    return err;
}

static enum tm_err run(struct pass *pass, struct tm_why *why)
{
    const struct deliver_settings *settings = pass->options->settings;
    time_ms_t now = now_of(pass);
    enum tm_err err = ledger_open(pass->folder, now - FORGET_DAYS * DAY_MS, &pass->ledger, why);
    if (err)
        return err;
    if (sender_open(&pass->sender) != TM_OK || pending_list(pass->folder, now, &pass->reports) != TM_OK)
        return tm_fail(why, TM_NOMEM, "out of memory for the delivery of reports");
    err = give_up(pass, why);
    for (size_t i = 0; i < settings->receiver_count && !err; i++)
        err = serve(pass, &settings->receivers[i], why);
    return err;
}

enum tm_err deliver_reports(const struct deliver_options *options, struct bytes *out, struct tm_why *why)
{
    struct pass pass = {.options = options, .next = INT64_MAX, .ledger = {.lock = -1, .file = -1}};
    enum tm_err err = TM_OK;
    pass.folder = open(options->out_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (pass.folder >= 0)
        err = run(&pass, why);
    else if (errno != ENOENT)
        err = files_fail(why, "opening the reports' folder", options->out_dir);
    bytes_printf(out, "{\"sent\":%zu,\"failed\":%zu,\"waiting\":%zu,\"next\":%lld,\"errors\":[", pass.sent,
                 pass.failed, pass.waiting, pass.next == INT64_MAX ? 0LL : (long long)pass.next);
    bytes_put(out, pass.told.data, pass.told.len);
    bytes_printf(out, "]}");
    out->failed = out->failed || pass.told.failed;
    bytes_fini(&pass.told);
    free(pass.reports.at);
    sender_close(pass.sender);
    ledger_close(&pass.ledger);
    if (pass.folder >= 0)
        (void)close(pass.folder);
    return err;
}
