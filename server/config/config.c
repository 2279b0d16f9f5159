#include "server/config/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/config/config_field.h"
#include "server/config/config_read.h"
#include "server/config/config_rules.h"

void config_free(struct config *config)
{
    if (!config)
        return;
    field_clear_all(setting_all(), config);
    free(config);
}

/* Defaults, then what the document gives, then the rules between settings. */
static enum tm_err fill(struct reading *reading)
{
    enum tm_err err = field_default_all(setting_all(), reading->config);
    if (!err && reading->document)
        err = read_document(reading);
    return err ? err : rules_apply(reading);
}

static enum tm_err make(yaml_document_t *document, const char *name, struct config **out,
                        struct config_faults *faults)
{
    struct reading reading = {
        .document = document, .config = calloc(1, sizeof(struct config)), .faults = faults, .file = name};
    size_t faults_before = fault_total(faults);
    enum tm_err err = reading.config ? fill(&reading) : TM_NOMEM;
    if (!err && fault_total(faults) > faults_before)
        err = TM_INVALID;
    if (err)
        config_free(reading.config);
    else
        *out = reading.config;
    return err;
}

enum tm_err config_default(struct config **out)
{
    struct config_faults faults = {.count = 0};
    *out = NULL;
    enum tm_err err = make(NULL, "", out, &faults);
    assert(err == TM_OK || err == TM_NOMEM);
    return err;
}

enum tm_err config_parse(struct str text, const char *name, struct config **out, struct config_faults *faults)
{
    yaml_document_t document;
    size_t faults_before = fault_total(faults);
    bool loaded;
    *out = NULL;
    enum tm_err err = yaml_load(text, &document, &loaded, faults);
    if (err)
        return err;
    if (!loaded)
        return TM_INVALID;
    err = make(&document, name, out, faults);
    yaml_document_delete(&document);
    if (!err && fault_total(faults) > faults_before) {
        config_free(*out);
        *out = NULL;
        err = TM_INVALID;
    }
    return err;
}

/* Up to one byte more than is allowed, so that the parser sees that it is too long. */
static enum tm_err read_text(int fd, char *buffer, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t got = read(fd, buffer + *len, size - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return TM_IO;
        if (got == 0)
            break;
        *len += (size_t)got;
    }
    return TM_OK;
}

static enum tm_err load_open_file(int fd, const char *path, struct config **out, struct config_faults *faults)
{
    const size_t size = YAML_TEXT_MAX_BYTES + 1;
    size_t len;
    char *buffer = malloc(size);
    if (!buffer)
        return TM_NOMEM;
    enum tm_err err = read_text(fd, buffer, size, &len);
    if (err) {
        fault_add(faults, (struct place){0, 0}, "can't be read (%s); name a readable file", strerror(errno));
        err = TM_INVALID;
    } else {
        err = config_parse((struct str){buffer, len}, path, out, faults);
    }
    free(buffer);
    return err;
}

enum tm_err config_load(const char *path, struct config **out, struct config_faults *faults)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        fault_add(faults, (struct place){0, 0}, "can't be opened (%s); name a readable file",
                  strerror(errno));
        return TM_INVALID;
    }
    enum tm_err err = load_open_file(fd, path, out, faults);
    (void)close(fd);
    return err;
}
