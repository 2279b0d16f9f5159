/* tidemark.yaml(5), from the table of settings. */
#include <string.h>

#include "server/config/config_describe.h"
#include "server/manual/pages.h"
#include "server/manual/roff.h"

enum { FACTS_BYTES = 400, TYPE_BYTES = 160 };

/* Term and text of one setting; facts: type, default, when a change is taken over. */
static void print_setting(const char *term, const struct setting *setting, const char *facts, FILE *out)
{
    roff_entry(term, setting->text, out);
    (void)fputs(".br\n", out);
    roff_text(facts, out);
    (void)fputs(".\n", out);
}

/* The fields of a list's items, below it. */
static void print_fields(struct setting_table fields, FILE *out)
{
    (void)fputs(".RS\n", out);
    for (size_t i = 0; i < fields.count; i++) {
        const struct setting *field = &fields.at[i];
        char type[TYPE_BYTES], facts[FACTS_BYTES];
        setting_describe(field, type, sizeof type);
        (void)snprintf(facts, sizeof facts, "%s%s", type, field->required ? "; required" : "");
        print_setting(setting_name(field), field, facts, out);
        if (field->records)
            print_fields(field->records->fields, out);
    }
    (void)fputs(".RE\n", out);
}

/* The heading of a group that begins with this setting. */
static void print_group(const char *path, const char *previous, FILE *out)
{
    const char *dot = strrchr(path, '.');
    size_t len = dot ? (size_t)(dot - path) : 0;
    if (len == 0 && strchr(previous, '.'))
        (void)fputs(".SS top level\n", out);
    if (len == 0 || (strncmp(path, previous, len + 1) == 0 && !strchr(previous + len + 1, '.')))
        return;
    const char *text = setting_group_text((struct str){path, len});
    if (!text)
        return;
    (void)fprintf(out, ".SS %.*s\n", (int)len, path);
    roff_paragraphs(text, out);
}

static void print_settings(FILE *out)
{
    struct setting_table table = setting_all();
    const char *previous = "";
    for (size_t i = 0; i < table.count; i++) {
        const struct setting *setting = &table.at[i];
        char facts[FACTS_BYTES];
        setting_facts(setting, facts, sizeof facts);
        print_group(setting->path, previous, out);
        print_setting(setting->path, setting, facts, out);
        if (setting->records)
            print_fields(setting->records->fields, out);
        previous = setting->path;
    }
}

void page_config(FILE *out)
{
    roff_page("tidemark.yaml", 5, "configuration of tidemarkd", out);
    roff_section("DESCRIPTION", out);
    roff_paragraphs(
        "One YAML file. What it leaves out has its default; `tidemarkd --print-config` prints them all, "
        "`tidemarkd -c FILE --check` says what is wrong with a file, with line and column. A setting "
        "a.b.c is c in the mapping b in the mapping a. Unknown names, wrong types and values out of "
        "bounds are faults. Anchors, aliases, tags and further documents are refused.\n"
        "A duration is a whole number and ms, s, m, h, d, w or y (365 d): 500ms, 5m, 30d. A size is a "
        "whole number and B, KiB, MiB, GiB or TiB (kB, MB, GB, TB are decimal): 64MiB. `reload`: taken "
        "over by SIGHUP or POST /-/reload; `restart`: only read when the daemon starts.",
        out);
    roff_section("SETTINGS", out);
    print_settings(out);
    roff_section("FILES", out);
    roff_entry("/etc/tidemark/tidemark.yaml", "What the service starts with.", out);
    roff_section("EXAMPLES", out);
    roff_lines("data_dir: /srv/tidemark\n"
               "listen:\n"
               "  http: ['0.0.0.0:9700']\n"
               "storage:\n"
               "  max_disk: 200GiB\n"
               "  retention:\n"
               "    raw: 60d\n"
               "auth:\n"
               "  keys:\n"
               "    - name: ci\n"
               "      secret_file: ci.secret\n"
               "      scopes: ['write:*', read]\n"
               "services:\n"
               "  - name: shop\n"
               "    owner: web\n"
               "    page_groups:\n"
               "      - name: product\n"
               "        match: '^/p/'",
               out);
    roff_section("SEE ALSO", out);
    (void)fputs("\\fBtidemarkd\\fR(8),\n\\fBtidemark\\fR(1)\n", out);
}
