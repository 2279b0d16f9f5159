/* Keys: where a secret comes from. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config/config_field.h"
#include "server/config/config_read.h"
#include "server/config/config_rules.h"

enum { SECRET_FILE_MAX_BYTES = 1026, SECRET_PATH_MAX = 4096 };

struct secret {
    char bytes[SECRET_FILE_MAX_BYTES];
    size_t len;
};

bool rule_key_is_inline(const void *key)
{
    const struct config_key *of = key;
    return !of->secret_file;
}

/* A relative path starts at the folder of the configuration. */
static bool resolve(const char *file, const char *path, char *out, size_t size)
{
    const char *slash = strrchr(file, '/');
    size_t folder_len = slash && path[0] != '/' ? (size_t)(slash - file) + 1 : 0;
    int len = snprintf(out, size, "%.*s%s", (int)folder_len, file, path);
    return len > 0 && (size_t)len < size;
}

static enum tm_err read_whole(int fd, struct secret *secret, struct tm_why *why)
{
    while (secret->len < sizeof secret->bytes) {
        ssize_t got = read(fd, secret->bytes + secret->len, sizeof secret->bytes - secret->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tm_fail(why, TM_INVALID, "can't be read (%s); name a readable file", strerror(errno));
        if (got == 0)
            break;
        secret->len += (size_t)got;
    }
    return TM_OK;
}

static enum tm_err read_open_file(int fd, struct secret *secret, struct tm_why *why)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        return tm_fail(why, TM_INVALID, "is not a plain file; put the secret into one");
    if (stat.st_mode & S_IRWXO)
        return tm_fail(why, TM_INVALID, "is open to other users (mode %03o); close it with chmod 600",
                       (unsigned)stat.st_mode & 0777U);
    enum tm_err err = read_whole(fd, secret, why);
    if (err)
        return err;
    if (secret->len == sizeof secret->bytes)
        return tm_fail(why, TM_INVALID, "is longer than a secret may be; shorten it to 1024 bytes");
    while (secret->len > 0 && strchr("\r\n", secret->bytes[secret->len - 1]))
        secret->len--;
    return TM_OK;
}

/* resolved: room for SECRET_PATH_MAX bytes. */
static enum tm_err read_secret_file(const char *file, const char *path, char *resolved, struct secret *secret,
                                    struct tm_why *why)
{
    if (!resolve(file, path, resolved, SECRET_PATH_MAX))
        return tm_fail(why, TM_INVALID, "has too long a path; move the file");
    int fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return tm_fail(why, TM_INVALID, "can't be opened (%s); name a readable file", strerror(errno));
    enum tm_err err = read_open_file(fd, secret, why);
    (void)close(fd);
    return err;
}

static const struct setting *find_field(struct setting_table fields, const char *path)
{
    const struct setting *setting = fields.at;
    while (strcmp(setting->path, path) != 0)
        setting++;
    return setting;
}

static enum tm_err load_secret(struct reading *reading, struct config_key *key, struct place place)
{
    struct secret secret = {.len = 0};
    struct tm_why why;
    char resolved[SECRET_PATH_MAX];
    enum tm_err err = read_secret_file(reading->file, key->secret_file, resolved, &secret, &why);
    if (!err) {
        struct setting_table fields = setting_find("auth.keys")->records->fields;
        err = field_assign(find_field(fields, "auth.keys.secret"), key,
                           (struct str){secret.bytes, secret.len}, &why);
    }
    explicit_bzero(&secret, sizeof secret);
    if (err != TM_INVALID)
        return err;
    fault_add(reading->faults, place, "auth.keys.secret_file: \"%s\": %s",
              fault_shown(str_of(key->secret_file)).text, why.text);
    return TM_OK;
}

static void check_name(struct reading *reading, const struct config_key *keys, size_t index,
                       const yaml_node_t *node)
{
    const char *name = keys[index].name;
    for (size_t i = 0; name && i < index; i++) {
        if (!keys[i].name || strcmp(keys[i].name, name) != 0)
            continue;
        fault_add(reading->faults, yaml_place(yaml_child(reading->document, node, "name")),
                  "auth.keys.name: \"%s\" is the name of an earlier key; choose another", name);
        return;
    }
}

enum tm_err rule_key(struct reading *reading, void *items, size_t index, const struct yaml_node_s *node)
{
    struct config_key *key = (struct config_key *)items + index;
    check_name(reading, items, index, node);
    if (node->type != YAML_MAPPING_NODE)
        return TM_OK;
    const yaml_node_t *secret = yaml_child(reading->document, node, "secret");
    const yaml_node_t *secret_file = yaml_child(reading->document, node, "secret_file");
    if (secret && secret_file)
        fault_add(reading->faults, yaml_place(secret_file),
                  "auth.keys.secret_file: stands beside secret; keep one of the two");
    else if (!secret && !secret_file)
        fault_add(reading->faults, yaml_place(node),
                  "auth.keys: this key has no secret; add secret_file: and a path");
    else if (secret_file && key->secret_file)
        return load_secret(reading, key, yaml_place(secret_file));
    return TM_OK;
}

enum tm_err rule_mail_password(struct reading *reading)
{
    char **path = &reading->config->reports.mail.password_file;
    struct secret secret = {.len = 0};
    struct tm_why why;
    char resolved[SECRET_PATH_MAX];
    if ((*path)[0] == '\0')
        return TM_OK;
    enum tm_err err = read_secret_file(reading->file, *path, resolved, &secret, &why);
    explicit_bzero(&secret, sizeof secret);
    if (!err)
        return field_replace(path, str_of(resolved));
    if (err != TM_INVALID)
        return err;
    fault_add(reading->faults, read_place(reading, "reports.mail.password_file"),
              "reports.mail.password_file: \"%s\": %s", fault_shown(str_of(*path)).text, why.text);
    return TM_OK;
}
