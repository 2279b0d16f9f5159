#include "server/manual/completion.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* The function that completes: %1$s is its name, %2$s the program, %3$s the word whose rows of the table
 * count, %4$s the place of the first word behind it. */
static const char engine[] =
    "%1$s()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} lead='' kind='' words='' word\n"
    "    local command=%3$s first=%4$s\n"
    "    COMPREPLY=()\n"
    "    # --name=value is three words where = divides words, as it does by default, and one where it does "
    "not\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == '=' ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    elif [[ $cur == --*=* ]]; then\n"
    "        prev=${cur%%%%=*} lead=${cur%%%%=*}= cur=${cur#*=}\n"
    "    fi\n"
    "    if ((COMP_CWORD < first)); then\n"
    "        %1$s_table ''\n"
    "    else\n"
    "        [[ $prev == -* ]] && %1$s_table \"$command $prev\"\n"
    "        if [[ ! $kind && ! $words && $cur != -* ]]; then\n"
    "            %1$s_table \"$command\"\n"
    "            [[ $kind == text ]] && kind=''\n"
    "            for word in \"${COMP_WORDS[@]:first:COMP_CWORD-first}\"; do\n"
    "                [[ \" $words \" == *\" $word \"* ]] && words=''\n"
    "            done\n"
    "        fi\n"
    "        [[ ! $kind && ! $words ]] && %1$s_table \"$command -\"\n"
    "    fi\n"
    "    case $kind in\n"
    "        file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -P \"$lead\" -f -- "
    "\"$cur\") ;;\n"
    "        dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -P \"$lead\" -d -- "
    "\"$cur\") ;;\n"
    "        *) mapfile -t COMPREPLY < <(compgen -P \"$lead\" -W \"$words\" -- \"$cur\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -F %1$s %2$s\n";

/* The words of "line|prometheus|FILE" or "list | correct ID": those in lower case, each with a blank behind
 * it. True if there are any. */
static bool put_words(const char *text, FILE *out)
{
    bool any = false;
    while (*text) {
        size_t len = strcspn(text, "|[] ");
        bool is_word = len > 0 && islower((unsigned char)text[0]) && !memchr(text, '.', len);
        if (is_word && out)
            (void)fprintf(out, "%.*s ", (int)len, text);
        any = any || is_word;
        text += len;
        text += strspn(text, "|[] ");
    }
    return any;
}

/* Sets what the shell is to offer for an argument or operand; nothing: a text of one's own. */
static void put_value(const char *argument, FILE *out)
{
    if (put_words(argument, NULL)) {
        (void)fputs("words='", out);
        (void)put_words(argument, out);
        (void)fputc('\'', out);
    } else if (strstr(argument, "DIR") || strstr(argument, "DEST") || strstr(argument, "SRC")) {
        (void)fputs("kind=dir", out);
    } else if (strstr(argument, "FILE")) {
        (void)fputs("kind=file", out);
    } else {
        (void)fputs("kind=text", out);
    }
}

static void put_option_row(const char *command, const struct option *option, FILE *out)
{
    if (!option->argument || option->argument[0] == '[')
        return; /* what follows is no value of it */
    (void)fprintf(out, "        '%s --%s'", command, option->name);
    if (option->letter)
        (void)fprintf(out, " | '%s -%c'", command, option->letter);
    (void)fputs(") ", out);
    put_value(option->argument, out);
    (void)fputs(" ;;\n", out);
}

static void open_table(const char *function, FILE *out)
{
    (void)fprintf(out,
                  "# bash completion; made from the tables of --help\n\n"
                  "# COMMAND OPTION: its values; COMMAND -: the options; COMMAND: the operands\n"
                  "%s_table()\n{\n    case $1 in\n",
                  function);
}

static void close_table(const char *function, const char *program, bool has_commands, FILE *out)
{
    (void)fputs("    esac\n}\n\n", out);
    (void)fprintf(out, engine, function, program, has_commands ? "${COMP_WORDS[1]}" : "''",
                  has_commands ? "2" : "1");
}

static void put_command(const struct command *command, FILE *out)
{
    const struct option *option;
    (void)fprintf(out, "        '%s -') words='", command->name);
    for (size_t i = 0; (option = options_shown(command, i)); i++)
        (void)fprintf(out, "--%s ", option->name);
    (void)fputs("' ;;\n", out);
    for (size_t i = 0; (option = options_shown(command, i)); i++)
        put_option_row(command->name, option, out);
    if (!command->operands)
        return;
    (void)fprintf(out, "        %s) ", command->name);
    put_value(command->operands, out);
    (void)fputs(" ;;\n", out);
}

void completion_commands(const char *program, const struct command *const *commands, FILE *out)
{
    char function[64];
    (void)snprintf(function, sizeof function, "_%s", program);
    open_table(function, out);
    (void)fputs("        '') words='", out);
    for (size_t i = 0; commands[i]; i++)
        (void)fprintf(out, "%s ", commands[i]->name);
    (void)fputs("--help --version ' ;;\n", out);
    for (size_t i = 0; commands[i]; i++)
        put_command(commands[i], out);
    close_table(function, program, true, out);
}

void completion_options(const char *program, const struct option *options, FILE *out)
{
    char function[64];
    (void)snprintf(function, sizeof function, "_%s", program);
    for (char *c = function; *c; c++)
        *c = *c == '-' ? '_' : *c;
    open_table(function, out);
    (void)fputs("        ' -') words='", out);
    for (const struct option *option = options; option->name; option++)
        (void)fprintf(out, "--%s ", option->name);
    (void)fputs("' ;;\n", out);
    for (const struct option *option = options; option->name; option++)
        put_option_row("", option, out);
    close_table(function, program, false, out);
}
