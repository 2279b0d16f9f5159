/* From the document tree into a struct config, by the table of settings. */
#ifndef TM_CONFIG_READ_H
#define TM_CONFIG_READ_H

#include "server/config/config_table.h"
#include "server/config/config_yaml.h"

struct reading {
    yaml_document_t *document; /* NULL: there is no file, only defaults */
    struct config *config;     /* holds the defaults at the start */
    struct config_faults *faults;
    const char *file; /* its name: a relative secret_file starts at its folder */
    const yaml_node_t
        *given[SETTINGS_MAX]; /* value of each setting of setting_all, NULL if it is not given */
};

/* Reads all that the document gives. Faults are added; TM_NOMEM. */
enum tm_err read_document(struct reading *reading) TM_MUST_CHECK;

/* Where the value of a setting stands; line 0 if it is not in the file. */
struct place read_place(const struct reading *reading, const char *path);

/* Where item i of a list stands; as read_place if the list is no sequence in the file. */
struct place read_item_place(const struct reading *reading, const char *path, size_t i);

#endif
