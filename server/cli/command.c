#include "server/cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli/http.h"

/* Where a command's summary begins. */
enum { NAME_COLUMN = 14 };

static size_t count_commands(const struct command *const *commands)
{
    size_t count = 0;
    while (commands[count])
        count++;
    return count;
}

static const char *command_name(const void *table, size_t i)
{
    const struct command *const *commands = table;
    return commands[i]->name;
}

static void print_overview(const struct command *const *commands, FILE *out)
{
    fputs("usage: tidemark COMMAND [options]\n\n"
          "Sends measurements to a tidemark daemon and asks it what it knows.\n\ncommands:\n",
          out);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "  %-*s", NAME_COLUMN - 2, commands[i]->name);
        option_print_text(commands[i]->summary, NAME_COLUMN, NAME_COLUMN, out);
        fputc('\n', out);
    }
    fputs("\n`tidemark COMMAND --help` says more. Exit codes: 0 ok, 1 failed, 2 wrong usage.\n", out);
}

int command_fail(int code, const struct tm_why *why)
{
    fprintf(stderr, "tidemark: %s\n", why->text);
    return code;
}

static int print_version(void)
{
    puts("tidemark " TIDEMARK_VERSION);
    return EXIT_OK;
}

static int fail_unknown(const struct command *const *commands, const char *word)
{
    const char *near = options_nearest(word, command_name, commands, count_commands(commands));
    if (near)
        fprintf(stderr, "tidemark: unknown command \"%s\"; did you mean `tidemark %s`?\n", word, near);
    else
        fprintf(stderr, "tidemark: unknown command \"%s\"; `tidemark --help` lists them\n", word);
    return EXIT_USAGE;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct args args;
    struct tm_why why = {0};
    if (options_parse(command, argc, argv, &args, &why))
        return command_fail(EXIT_USAGE, &why);
    if (args.version)
        return print_version();
    if (args.help) {
        options_help(command, stdout);
        return EXIT_OK;
    }
    int code = command->run(&args);
    if (fflush(stdout) != 0 && code == EXIT_OK) {
        (void)tm_fail(&why, TM_IO, "cannot write to stdout: %s", strerror(errno));
        return command_fail(EXIT_FAILED, &why);
    }
    return code;
}

int command_main(const struct command *const *commands, int argc, char **argv)
{
    if (argc < 2) {
        print_overview(commands, stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
        print_overview(commands, stdout);
        return EXIT_OK;
    }
    if (strcmp(word, "--version") == 0)
        return print_version();
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, word) == 0)
            return run_command(commands[i], argc - 2, argv + 2);
    return fail_unknown(commands, word);
}

const char *command_server(const struct args *args)
{
    const char *server = options_text(args, "server");
    if (!server)
        server = getenv("TIDEMARK_SERVER");
    return server && *server ? server : "http://127.0.0.1:9700";
}

/* One line, at most `size` bytes, from a file nobody else can read. */
static enum tm_err read_key_line(const char *path, char *line, size_t size, struct tm_why *why)
{
    struct stat info;
    enum tm_err err = TM_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tm_fail(why, TM_IO, "cannot read the key file %s: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        err = tm_fail(why, TM_INVALID, "the key file %s is not a regular file", path);
        goto out;
    }
    if (info.st_mode & (S_IRWXG | S_IRWXO)) {
        err = tm_fail(why, TM_FORBIDDEN, "the key file %s can be read by others; run `chmod 600 %s`", path,
                      path);
        goto out;
    }
    ssize_t len = read(fd, line, size - 1);
    if (len < 0) {
        err = tm_fail(why, TM_IO, "cannot read the key file %s: %s", path, strerror(errno));
        goto out;
    }
    line[len] = '\0';
out:
    close(fd);
    return err;
}

enum tm_err command_key(const struct args *args, struct key *out, struct tm_why *why)
{
    char line[512];
    char more[2];
    *out = (struct key){0};
    const char *path = options_text(args, "key-file");
    if (!path)
        return TM_OK;
    enum tm_err err = read_key_line(path, line, sizeof line, why);
    if (!err && sscanf(line, "%128s %256s %1s", out->name, out->secret, more) != 2)
        err = tm_fail(why, TM_INVALID, "the key file %s must hold `NAME SECRET` on one line", path);
    explicit_bzero(line, sizeof line);
    return err;
}

enum tm_err command_connect(const struct args *args, struct http **out, struct tm_why *why)
{
    struct key key;
    if (command_key(args, &key, why) != TM_OK)
        return TM_IO;
    enum tm_err err = http_open(command_server(args), key.secret, out, why);
    explicit_bzero(&key, sizeof key);
    return err;
}
