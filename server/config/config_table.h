/* The table of settings: the one place that says what can be set. Reading, defaults, bounds, --check,
 * --print-config and the rules of reload all follow it. */
#ifndef TM_CONFIG_TABLE_H
#define TM_CONFIG_TABLE_H

#include "server/config/config.h"
#include "server/config/config_check.h"

enum setting_type {
    SETTING_BOOL,
    SETTING_INTEGER,
    SETTING_DURATION,
    SETTING_SIZE,
    SETTING_STRING,
    SETTING_WORD,    /* one of words */
    SETTING_STRINGS, /* a list */
    SETTING_WORDS,   /* a list of some of words */
    SETTING_RECORDS, /* a list of structs, each read through a table of its own */
    SETTING_TYPE_COUNT
};

struct reading;
struct yaml_node_s;

/* A rule over one struct of a list, called when it has been read; items[0..index) are its elder siblings,
 * node is where it stands in the file. Adds faults. TM_NOMEM. */
typedef enum tm_err record_rule_fn(struct reading *reading, void *items, size_t index,
                                   const struct yaml_node_s *node);

struct setting_records;

struct setting {
    const char *path;         /* from the top, with the lists it stands in: services.page_groups.match */
    const char *text;         /* one sentence on what it does */
    const char *default_text; /* as it would be written; lists as [a, b]. NULL: stays unset */
    const char *kind;         /* what a text or an item of a list is: "host:port" */
    const char *restart;      /* why a running daemon can't take over a change; NULL: it can */
    enum setting_type type;
    bool required; /* has to be given: only inside lists */
    bool hidden;   /* a secret: never printed */
    size_t offset; /* in the struct that the table describes */
    int64_t min;   /* of the number, the length in bytes, or the count of items */
    int64_t max;
    const char *const *words;
    const char *empty_word; /* stands for the empty list */
    value_check_fn *check;  /* of the text, or of each item; may be NULL */
    const struct setting_records *records;
};

struct setting_table {
    const struct setting *at;
    size_t count;
};

struct setting_records {
    struct setting_table fields;
    size_t item_size;
    size_t count_offset;             /* of the size_t beside the pointer, in the outer struct */
    record_rule_fn *rule;            /* may be NULL */
    bool (*is_secret)(const void *); /* is this item to be printed as a comment? may be NULL */
};

/* A heading in the printed file. */
struct setting_group {
    const char *path;
    const char *text;
};

enum { SETTINGS_MAX = 64 }; /* no table has more */

/* All settings of struct config, those of one group side by side. Static. */
struct setting_table setting_all(void);

/* What the group is about, or NULL. */
const char *setting_group_text(struct str path);

/* Where path stands in setting_all; it has to be there. */
size_t setting_index(const char *path);

/* The setting of this path in setting_all; it has to be there. */
const struct setting *setting_find(const char *path);

/* The last part of the path. */
const char *setting_name(const struct setting *setting);

#endif
