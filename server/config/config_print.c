/* --print-config: the settings in force as YAML, which is also their reference. */
#include <strings.h>

#include "server/config/config_describe.h"
#include "server/config/config_field.h"
#include "server/config/config_rules.h"
#include "server/config/config_value.h"

enum { LINE_MAX_COLUMNS = 100, INDENT_STEP = 2 };

struct page {
    FILE *out;
    int indent;
};

static const char head[] =
    "# tidemark: every setting with its value in force. What stands here reads back as it is, and what you "
    "leave\n"
    "# out has its default.\n"
    "#\n"
    "# duration: a whole number and ms, s, m, h, d, w or y (365 d), for example 500ms, 5m, 30d\n"
    "# size:     a whole number and B, KiB, MiB, GiB or TiB (kB, MB, GB, TB are decimal), for example 64MiB\n"
    "# reload:   taken over by SIGHUP or POST /-/reload; restart: only read when the daemon starts\n";

/* Words of text as comment lines, so far behind the #, broken before they get too long. */
static void print_comment_at(const struct page *page, int behind, const char *text)
{
    int column = 0;
    while (*text) {
        int len = (int)strcspn(text, " ");
        if (column > 0 && column + 1 + len > LINE_MAX_COLUMNS) {
            (void)fputc('\n', page->out);
            column = 0;
        }
        if (column == 0)
            column = fprintf(page->out, "%*s#%*s", page->indent, "", behind, "");
        column += fprintf(page->out, " %.*s", len, text);
        text += len;
        text += strspn(text, " ");
    }
    (void)fputc('\n', page->out);
}

static void print_comment(const struct page *page, const char *text)
{
    print_comment_at(page, 0, text);
}

static void print_facts(const struct page *page, const struct setting *setting)
{
    char line[400];
    setting_facts(setting, line, sizeof line);
    print_comment(page, line);
}

/* The fields of a list's items, told once above the list. */
static void print_fields(const struct page *page, struct setting_table fields, int depth)
{
    const int behind = INDENT_STEP * (1 + depth);
    for (size_t i = 0; i < fields.count; i++) {
        const struct setting *field = &fields.at[i];
        char type[160];
        char line[400];
        setting_describe(field, type, sizeof type);
        (void)snprintf(line, sizeof line, "%s: %s%s", setting_name(field), type,
                       field->required ? "; required" : "");
        print_comment_at(page, behind, line);
        print_comment_at(page, behind + 2 * INDENT_STEP, field->text);
        if (field->records)
            print_fields(page, field->records->fields, depth + 1);
    }
}

/* Could another reader of YAML take it for something else than a text? */
static bool is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:*+";
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    size_t len = strlen(text);
    if (len == 0 || strspn(text, safe) != len || strchr("-:*+_", text[0]) || text[len - 1] == ':')
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    if (!strchr(".0123456789", text[0]))
        return true;
    const char *dot = strchr(text, '.');
    return strchr(text, '/') || (dot && strchr(dot + 1, '.')); /* a path or an address, no number or date */
}

static void print_text(FILE *out, const char *text)
{
    if (is_plain(text)) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('\'', out);
    for (; *text; text++)
        (void)fprintf(out, *text == '\'' ? "''" : "%c", *text);
    (void)fputc('\'', out);
}

static void print_strings(FILE *out, const struct config_strings *strings)
{
    (void)fputc('[', out);
    for (size_t i = 0; i < strings->count; i++) {
        (void)fputs(i > 0 ? ", " : "", out);
        print_text(out, strings->at[i]);
    }
    (void)fputc(']', out);
}

/* A number is shown as its default is written, where it is that. */
static struct value_text number_text(const struct setting *setting, int64_t number)
{
    struct value_text text = field_number_text(setting, number);
    int64_t by_default = 0;
    if (setting->type == SETTING_SIZE &&
        value_size(str_of(setting->default_text), &by_default, NULL) == TM_OK && number == by_default)
        (void)snprintf(text.text, sizeof text.text, "%s", setting->default_text);
    return text;
}

static void print_records(const struct page *page, const struct setting *setting, const void *base);

/* `name: value` with its line end. */
static void print_value(const struct page *page, const struct setting *setting, const void *base)
{
    (void)fprintf(page->out, "%s:%s", setting_name(setting), setting->type == SETTING_RECORDS ? "" : " ");
    switch (setting->type) {
    case SETTING_BOOL:
        (void)fputs(field_number(setting, base) ? "true" : "false", page->out);
        break;
    case SETTING_STRING:
    case SETTING_WORD:
        print_text(page->out, field_text(setting, base));
        break;
    case SETTING_STRINGS:
    case SETTING_WORDS:
        print_strings(page->out, field_strings(setting, base));
        break;
    case SETTING_RECORDS:
        print_records(page, setting, base);
        return;
    default:
        (void)fputs(number_text(setting, field_number(setting, base)).text, page->out);
        break;
    }
    (void)fputc('\n', page->out);
}

static bool is_unset(const struct setting *setting, const void *base)
{
    return setting->type == SETTING_STRING && !field_text(setting, base);
}

/* lead: what stands before each line; the first one has the dash of a list. */
static void print_record(const struct page *page, struct setting_table fields, const void *item,
                         const char *lead, bool with_hidden)
{
    const struct page inner = {page->out, page->indent + 2 * INDENT_STEP};
    const char *dash = "- ";
    for (size_t i = 0; i < fields.count; i++) {
        const struct setting *field = &fields.at[i];
        if (is_unset(field, item) || (field->hidden && !with_hidden))
            continue;
        (void)fprintf(page->out, "%*s%s%s", page->indent + INDENT_STEP, "", lead, dash);
        if (field->hidden)
            (void)fprintf(page->out, "%s: (hidden)\n", setting_name(field));
        else
            print_value(&inner, field, item);
        dash = "  ";
    }
}

static bool is_secret(const struct setting *setting, const void *item)
{
    return setting->records->is_secret && setting->records->is_secret(item);
}

/* Items with a secret come last, as comments. */
static void print_records(const struct page *page, const struct setting *setting, const void *base)
{
    struct records records = field_records(setting, base);
    const size_t size = setting->records->item_size;
    size_t secret_count = 0;
    for (size_t i = 0; i < records.count; i++)
        secret_count += is_secret(setting, records.items + i * size);
    (void)fputs(records.count == secret_count ? " []\n" : "\n", page->out);
    for (size_t i = 0; i < records.count; i++)
        if (!is_secret(setting, records.items + i * size))
            print_record(page, setting->records->fields, records.items + i * size, "", false);
    for (size_t i = 0; i < records.count; i++)
        if (is_secret(setting, records.items + i * size))
            print_record(page, setting->records->fields, records.items + i * size, "# ", true);
}

/* How much of the paths, in whole groups, is the same. */
static size_t common_groups(const char *a, const char *b)
{
    size_t common = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.')
            common = i + 1;
    return common;
}

/* The headings of the groups that begin with this setting; page->indent becomes that of the setting. */
static void print_groups(struct page *page, const char *path, const char *previous)
{
    size_t common = common_groups(path, previous);
    page->indent = 0;
    for (size_t i = 0; i < common; i++)
        page->indent += path[i] == '.' ? INDENT_STEP : 0;
    (void)fputc('\n', page->out);
    const char *dot;
    for (const char *at = path + common; (dot = strchr(at, '.')); at = dot + 1) {
        const char *text = setting_group_text((struct str){path, (size_t)(dot - path)});
        if (text)
            print_comment(page, text);
        (void)fprintf(page->out, "%*s%.*s:\n", page->indent, "", (int)(dot - at), at);
        page->indent += INDENT_STEP;
    }
}

void config_print(const struct config *config, FILE *out)
{
    struct page page = {out, 0};
    struct setting_table table = setting_all();
    const char *previous = "";
    (void)fputs(head, out);
    for (size_t i = 0; i < table.count; i++) {
        const struct setting *setting = &table.at[i];
        print_groups(&page, setting->path, previous);
        previous = setting->path;
        print_comment(&page, setting->text);
        print_facts(&page, setting);
        if (setting->records)
            print_fields(&page, setting->records->fields, 0);
        (void)fprintf(out, "%*s", page.indent, "");
        print_value(&page, setting, config);
    }
}
