/* A message in the form of Slack's incoming webhooks, which Mattermost and others take too. Texts from
 * outside stand in plain_text objects, where nothing is markup, and escaped in `text`. */
#include "reports/deliver/channel.h"
#include "reports/escape.h"

/* scratch as a JSON string; it is empty then. */
static void put_string(struct bytes *out, struct bytes *scratch)
{
    bytes_u8(scratch, '\0');
    out->failed = out->failed || scratch->failed;
    escape_json(out, scratch->failed ? "" : (const char *)scratch->data);
    bytes_clear(scratch);
}

/* Nothing in it is a link, a mention or a command. */
static void put_text(struct bytes *out, struct bytes *scratch)
{
    struct bytes tame = {0};
    for (size_t i = 0; i < scratch->len; i++) {
        char c = (char)scratch->data[i];
        if (c == '&' || c == '<' || c == '>')
            bytes_printf(&tame, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        else
            bytes_u8(&tame, (uint8_t)c);
    }
    tame.failed = tame.failed || scratch->failed;
    put_string(out, &tame);
    bytes_fini(&tame);
    bytes_clear(scratch);
}

static void put_plain_section(struct bytes *out, const char *type, struct bytes *scratch)
{
    bytes_printf(out, "{\"type\":\"%s\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":", type);
    put_string(out, scratch);
    bytes_printf(out, "}}");
}

static void put_fields(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    bytes_printf(out, ",{\"type\":\"section\",\"fields\":[");
    for (size_t i = 0; i < SUMMARY_FIGURES; i++) {
        bytes_printf(out, "%s{\"type\":\"mrkdwn\",\"text\":", i > 0 ? "," : "");
        bytes_printf(scratch, "*%s*\n", text_of_key(s->language, summary_key(i)));
        summary_put_figure(s, summary_key(i), scratch);
        put_text(out, scratch);
        bytes_u8(out, '}');
    }
    bytes_printf(out, "]}");
}

static void put_actions(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    bytes_printf(scratch, "%s", text_of(s->language, s->action_count > 0 ? TEXT_ACTIONS : TEXT_NO_ACTIONS));
    for (size_t i = 0; i < summary_actions(s); i++) {
        bytes_printf(scratch, "\n%zu. ", i + 1);
        summary_put_action(s, &s->actions[i], scratch);
    }
    bytes_u8(out, ',');
    put_plain_section(out, "section", scratch);
}

static void put_changes(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    summary_put_changed(s, scratch);
    bytes_u8(scratch, '\n');
    bytes_put(scratch, s->changes.data, s->changes.len);
    if (s->changes_more > 0)
        bytes_printf(scratch, "- … +%zu", s->changes_more);
    bytes_u8(out, ',');
    put_plain_section(out, "section", scratch);
}

static void put_link(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    bytes_printf(out, ",{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
    bytes_printf(scratch, "<%s|%s>", s->link, text_of(s->language, TEXT_TITLE));
    put_string(out, scratch);
    bytes_printf(out, "}}");
}

void compose_slack(const struct summary *s, const struct channel_letter *letter, struct bytes *out)
{
    struct bytes scratch = {0};
    (void)letter;
    summary_put_all(s, &scratch);
    bytes_printf(out, "{\"text\":");
    put_text(out, &scratch);
    bytes_printf(out, ",\"blocks\":[");
    summary_put_title(s, &scratch);
    put_plain_section(out, "header", &scratch);
    summary_put_head(s, &scratch);
    bytes_u8(out, ',');
    put_plain_section(out, "section", &scratch);
    put_fields(s, out, &scratch);
    put_actions(s, out, &scratch);
    if (s->changes.len > 0)
        put_changes(s, out, &scratch);
    if (s->link)
        put_link(s, out, &scratch);
    bytes_printf(out, "]}");
    bytes_fini(&scratch);
}
