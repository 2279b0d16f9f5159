#include "server/manual/roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* One character of a text: what roff would change or obey is written as an escape. */
static void put(char c, FILE *out)
{
    static const char *const escapes[128] = {
        ['\\'] = "\\e", ['-'] = "\\-", ['\''] = "\\(aq", ['`'] = "\\(ga", ['^'] = "\\(ha", ['~'] = "\\(ti"};
    const char *escape = (unsigned char)c < 128 ? escapes[(unsigned char)c] : NULL;
    if (escape)
        (void)fputs(escape, out);
    else
        (void)fputc(c, out);
}

static void put_all(const char *text, size_t len, FILE *out)
{
    if (len > 0 && text[0] == '.')
        (void)fputs("\\&", out); /* would be a request at the beginning of a line */
    for (size_t i = 0; i < len; i++)
        put(text[i], out);
}

/* One line without its end, `words` in bold. */
static void put_line(const char *text, size_t len, FILE *out)
{
    while (len > 0) {
        const char *open = memchr(text, '`', len);
        const char *close = open ? memchr(open + 1, '`', len - (size_t)(open + 1 - text)) : NULL;
        size_t before = close ? (size_t)(open - text) : len;
        put_all(text, before, out);
        if (!close)
            return;
        (void)fputs("\\fB", out);
        put_all(open + 1, (size_t)(close - open - 1), out);
        (void)fputs("\\fR", out);
        len -= (size_t)(close + 1 - text);
        text = close + 1;
    }
}

void roff_text(const char *text, FILE *out)
{
    put_line(text, strlen(text), out);
}

void roff_bold(const char *text, FILE *out)
{
    (void)fputs("\\fB", out);
    put_all(text, strlen(text), out);
    (void)fputs("\\fR", out);
}

void roff_page(const char *name, int section, const char *summary, FILE *out)
{
    (void)fputs(".TH ", out);
    for (const char *c = name; *c; c++)
        put((char)toupper((unsigned char)*c), out);
    (void)fprintf(out,
                  " %d \"\" \"tidemark " TIDEMARK_VERSION "\" \"tidemark manual\"\n.nh\n.ad l\n.SH NAME\n",
                  section);
    put_all(name, strlen(name), out);
    (void)fputs(" \\- ", out);
    roff_text(summary, out);
    (void)fputc('\n', out);
}

void roff_section(const char *title, FILE *out)
{
    (void)fprintf(out, ".SH %s\n", title);
}

void roff_paragraphs(const char *text, FILE *out)
{
    bool is_first = true, is_example = false;
    for (;; text++, is_first = false) {
        size_t len = strcspn(text, "\n");
        bool was_example = is_example;
        is_example = text[0] == ' ';
        if (is_example != was_example)
            (void)fputs(is_example ? ".PP\n.EX\n" : ".EE\n", out);
        if (!is_example && !is_first)
            (void)fputs(".PP\n", out);
        put_line(text, len, out);
        (void)fputc('\n', out);
        text += len;
        if (!*text)
            break;
    }
    if (is_example)
        (void)fputs(".EE\n", out);
}

void roff_lines(const char *lines, FILE *out)
{
    (void)fputs(".PP\n.EX\n", out);
    for (;; lines++) {
        size_t len = strcspn(lines, "\n");
        put_all(lines, len, out);
        (void)fputc('\n', out);
        lines += len;
        if (!*lines)
            break;
    }
    (void)fputs(".EE\n", out);
}

void roff_entry(const char *term, const char *text, FILE *out)
{
    (void)fputs(".TP\n", out);
    roff_bold(term, out);
    (void)fputc('\n', out);
    roff_text(text, out);
    (void)fputc('\n', out);
}

/* Does the character belong to a name that stands for something else: FROM, NAME_2? */
static bool is_capital(char c)
{
    return isupper((unsigned char)c) || isdigit((unsigned char)c) || c == '_';
}

void roff_argument(const char *argument, FILE *out)
{
    while (*argument) {
        size_t len = 0;
        while (is_capital(argument[len]))
            len++;
        bool stands_for =
            len > 0 && isupper((unsigned char)argument[0]) && !islower((unsigned char)argument[len]);
        if (!stands_for)
            len = strcspn(argument, "|=[].: ");
        if (len > 0) {
            (void)fputs(stands_for ? "\\fI" : "\\fB", out);
            put_all(argument, len, out);
            (void)fputs("\\fR", out);
            argument += len;
        } else if (argument[0] != '\0') {
            bool may_break = argument[0] == '|';
            put(*argument++, out);
            (void)fputs(may_break ? "\\:" : "", out); /* a long list of words is broken here */
        }
    }
}

void roff_option(const struct option *option, FILE *out)
{
    (void)fputs(".TP\n", out);
    if (option->letter)
        (void)fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    (void)fputs("\\fB\\-\\-", out);
    put_all(option->name, strlen(option->name), out);
    (void)fputs("\\fR", out);
    if (option->argument) {
        (void)fputc(' ', out);
        roff_argument(option->argument, out);
    }
    (void)fputc('\n', out);
    roff_text(option->text, out);
    if (option->fallback) {
        (void)fputs(" (default ", out);
        roff_text(option->fallback, out);
        (void)fputc(')', out);
    }
    (void)fputc('\n', out);
}
