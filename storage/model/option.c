#include "storage/model/option.h"

#include <stdbool.h>
#include <string.h>

/* The length of what stands up to the line's end. */
static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* One line of text in words; returns the column where it ends. */
static size_t print_words(const char *text, size_t len, size_t column, size_t indent, FILE *out)
{
    bool is_first = true; /* of its line */
    for (size_t at = 0; at < len; is_first = false) {
        size_t word = strcspn(text + at, " \n");
        if (!is_first && column + 1 + word > OPTION_WIDTH) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            is_first = true;
        }
        column += (size_t)fprintf(out, "%s%.*s", is_first ? "" : " ", (int)word, text + at);
        at += word;
        at += strspn(text + at, " ");
    }
    return column;
}

void option_print_text(const char *text, size_t column, size_t indent, FILE *out)
{
    for (;;) {
        size_t len = line_length(text);
        if (text[0] == ' ')
            (void)fprintf(out, "%.*s", (int)len, text);
        else
            (void)print_words(text, len, column, indent, out);
        text += len;
        if (!*text)
            return;
        text++;
        (void)fprintf(out, "\n%*s", *text && *text != '\n' ? (int)indent : 0, "");
        column = indent;
    }
}

void option_print(const struct option *option, FILE *out)
{
    char head[128];
    char text[768];
    const char *argument = option->argument ? option->argument : "";
    int len = snprintf(head, sizeof head, "  ");
    if (option->letter)
        len += snprintf(head + len, sizeof head - (size_t)len, "-%c, ", option->letter);
    (void)snprintf(head + len, sizeof head - (size_t)len, "--%s%s%s", option->name, argument[0] ? " " : "",
                   argument);
    (void)snprintf(text, sizeof text, "%s%s%s%s", option->text, option->fallback ? " (default " : "",
                   option->fallback ? option->fallback : "", option->fallback ? ")" : "");
    if (strlen(head) > OPTION_COLUMN - 2)
        (void)fprintf(out, "%s\n%*s", head, OPTION_COLUMN, "");
    else
        (void)fprintf(out, "%-*s", OPTION_COLUMN, head);
    option_print_text(text, OPTION_COLUMN, OPTION_COLUMN, out);
    (void)fputc('\n', out);
}

static const struct option *find(const struct option *table, const char *word, size_t *index)
{
    for (size_t i = 0; table[i].name; i++) {
        bool is_letter = table[i].letter && word[0] == '-' && word[1] == table[i].letter && !word[2];
        bool is_name = strncmp(word, "--", 2) == 0 && strlen(table[i].name) == strcspn(word + 2, "=") &&
                       strncmp(word + 2, table[i].name, strlen(table[i].name)) == 0;
        if (is_letter || is_name) {
            *index = i;
            return &table[i];
        }
    }
    return NULL;
}

enum tm_err option_read(const struct option *table, const char *program, int argc, char **argv, int *at,
                        struct option_word *out, struct tm_why *why)
{
    char *word = argv[*at];
    if (word[0] != '-')
        return tm_fail(why, TM_INVALID, "unknown word \"%.60s\"; `%s --help` lists the options", word,
                       program);
    *out = (struct option_word){0};
    const struct option *option = find(table, word, &out->index);
    if (!option)
        return tm_fail(why, TM_INVALID, "unknown option %.60s; `%s --help` lists them", word, program);
    char *equals = strchr(word, '=');
    if (equals && !option->argument)
        return tm_fail(why, TM_INVALID, "--%s takes no value", option->name);
    if (!option->argument)
        return TM_OK;
    if (!equals && *at + 1 >= argc)
        return tm_fail(why, TM_INVALID, "--%s needs a value: --%s %s; `%s --help` says which", option->name,
                       option->name, option->argument, program);
    out->value = equals ? equals + 1 : argv[++*at];
    return TM_OK;
}
