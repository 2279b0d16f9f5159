/* What a message tells of a report: read back from its JSON, made for a line or two each. Texts from outside
 * are as they were sent: whoever writes a message escapes them. */
#ifndef TM_REPORTS_DELIVER_SUMMARY_H
#define TM_REPORTS_DELIVER_SUMMARY_H

#include "reports/deliver/ledger.h"
#include "reports/files.h"
#include "reports/model.h"
#include "reports/texts.h"

enum {
    SUMMARY_ACTIONS_MAX = 5,
    SUMMARY_FIGURES = 10,
    SUMMARY_WHAT_MAX = 120, /* characters of a text from outside */
    SUMMARY_CHANGES_MAX = 10,
    SUMMARY_SERVICE_BYTES = 300
};

/* Which of the key figures, in their order; i below SUMMARY_FIGURES. */
enum report_key summary_key(size_t i);

struct summary {
    struct json_t *document; /* whose texts they are */
    const char *service, *env, *owner, *week;
    char shown[SUMMARY_SERVICE_BYTES]; /* `shop@prod`, one tame line */
    enum language language;
    bool is_custom, has_data;
    size_t hours, hours_seen;
    size_t revision, before; /* before: the one that the receiver has; 0: none */
    struct report_figure strip[KEY_COUNT];
    struct report_action actions[REPORT_ACTIONS_MAX];
    size_t action_count;
    struct bytes changes;    /* tame lines, each with its end; empty: none are known */
    size_t changes_more;     /* lines that are not among them */
    char *link;              /* to the report; NULL: none */
    struct bytes attachment; /* the report itself, for who has no link to it; empty: none */
    char attachment_name[FILES_FILE_BYTES];
    bool is_attachment_html;   /* else Markdown */
    char key[LEDGER_ID_BYTES]; /* the same whenever this message is sent again */
};

/* Reads a report's JSON; TM_CORRUPT: it is none; TM_NOMEM. To be closed even then. */
enum tm_err summary_read(struct str json, struct summary *out) TM_MUST_CHECK;
/* Frees it, and with it all texts of the report; zeroed then. */
void summary_close(struct summary *summary);
/* Takes over the lines of a list of changes (files_changes). TM_NOMEM. */
enum tm_err summary_take_changes(struct summary *summary, struct str markdown) TM_MUST_CHECK;
/* base: where the daemon is reached, "": no link. name: of files_name. TM_NOMEM. */
enum tm_err summary_link(struct summary *summary, const char *base, const char *name) TM_MUST_CHECK;

/* ---- lines that every message has; appended, tame, without markup ---- */

/* Weekly exception report: shop@prod, 2026-W47 (revision 2) */
void summary_put_title(const struct summary *summary, struct bytes *out);
/* Owner: team-cart · 168 of 168 hours with data */
void summary_put_head(const struct summary *summary, struct bytes *out);
/* 1,234 (+12 %, median of 4 weeks 1,100) */
void summary_put_figure(const struct summary *summary, enum report_key key, struct bytes *out);
/* Regressed: KeyError basket is gone – 25 (2.3×), first seen after 1.8.3 [new] */
void summary_put_action(const struct summary *summary, const struct report_action *action, struct bytes *out);
/* Changed since revision 1 */
void summary_put_changed(const struct summary *summary, struct bytes *out);
/* All of it as plain lines. */
void summary_put_all(const struct summary *summary, struct bytes *out);

/* Actions that a message has. */
static inline size_t summary_actions(const struct summary *summary)
{
    return summary->action_count < SUMMARY_ACTIONS_MAX ? summary->action_count : SUMMARY_ACTIONS_MAX;
}

#endif
