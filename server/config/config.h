/* The configuration: one YAML file, read through one table of settings (config_table.c) that also gives
 * defaults, bounds, units and texts. A struct config is const after loading; reload makes a new one. */
#ifndef TM_CONFIG_H
#define TM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "storage/model/err.h"
#include "storage/model/str.h"

struct config_strings {
    char **at; /* NUL-terminated */
    size_t count;
};

struct config_key {
    char *name;
    char *secret;      /* read from secret_file if that was given */
    char *secret_file; /* as written, relative to the file's folder; NULL: the secret was in the file */
    struct config_strings scopes; /* write:SERVICE, write:*, read, admin */
};

struct config_page_group {
    char *name;
    char *match; /* a PCRE2 pattern, known to compile */
};

struct config_service {
    char *name;
    char *owner;
    struct config_strings deliver; /* as reports.deliver, of its reports alone */
    struct config_page_group *page_groups;
    size_t page_group_count;
};

/* Durations are ms, sizes bytes. */
struct config {
    char *data_dir;
    struct {
        struct config_strings http, ingest_rep, ingest_pull, publish;
    } listen;
    struct {
        int64_t flush_interval_ms;
        int64_t max_disk_bytes; /* 0: no bound */
        int64_t min_free_bytes;
        struct {
            int64_t raw_ms, rollup_5m_ms, rollup_1h_ms, events_ms, exceptions_ms, findings_ms;
        } retention;
    } storage;
    struct {
        int64_t max_series, max_series_per_service, max_label_value_bytes, max_message_bytes,
            max_decompressed_bytes, max_future_ms, query_timeout_ms, query_max_samples;
    } limits;
    struct {
        struct config_key *keys;
        size_t key_count;
    } auth;
    struct {
        struct config_strings labels;
        int64_t url_groups_per_service;
    } events;
    struct config_strings service_from;
    struct config_service *services;
    size_t service_count;
    struct {
        int64_t interval_ms, delay_ms, grace_ms, memory_bytes;
        struct config_strings include, exclude; /* empty: all, none */
        char *timezone;
        int64_t incident_score;
    } scoring;
    struct {
        char *dir; /* never empty: DATA_DIR/reports was filled in */
        char *timezone;
        char *at;
        struct config_strings formats;
        char *language;
        struct config_strings deliver;
        int64_t deliver_timeout_ms;
        char *url; /* where readers reach the daemon; "": no links */
        struct {
            char *server;
            char *from;          /* "": no mail is sent */
            char *user;          /* "": without a login */
            char *password_file; /* "": none; else known to be readable, relative to the working folder */
        } mail;
    } reports;
    struct {
        char *level; /* error, warning, info, debug */
    } log;
    bool insecure;
};

enum { CONFIG_FAULTS_MAX = 200 };

struct config_fault {
    int line; /* from 1 */
    int column;
    char text[320]; /* one sentence: what, and what to do */
};

struct config_faults {
    struct config_fault at[CONFIG_FAULTS_MAX];
    size_t count;
    size_t left_out; /* beyond CONFIG_FAULTS_MAX */
};

/* All defaults. The caller owns *out (config_free). TM_NOMEM. */
enum tm_err config_default(struct config **out) TM_MUST_CHECK;

/* Reads text (the content of a file called name, for messages about secret_file paths relative to it). Every
 * fault is added to faults, not only the first; TM_INVALID if there was any, then *out is NULL. An empty text
 * gives the defaults. */
enum tm_err config_parse(struct str text, const char *name, struct config **out,
                         struct config_faults *faults) TM_MUST_CHECK;

/* config_parse of a file. A file that can't be read is one fault at line 0. */
enum tm_err config_load(const char *path, struct config **out, struct config_faults *faults) TM_MUST_CHECK;

/* Frees it with all its texts. NULL is allowed. */
void config_free(struct config *config);

/* One line a fault: `FILE:LINE:COLUMN: what, and what to do` (`FILE: ...` at line 0). */
void config_faults_print(const struct config_faults *faults, const char *name, FILE *out);

/* Every setting with value, unit, bounds, default and text, as valid YAML that config_parse reads back to the
 * same values. Secrets are never printed: a key with a secret_file keeps that, a key whose secret stands in
 * the file itself becomes a comment with "(hidden)", which is the one thing that does not read back. Errors
 * stay in out (ferror). */
void config_print(const struct config *config, FILE *out);

enum { CONFIG_FIXED_MAX = 16 };

/* A setting that a running daemon can't change, and why. Static texts. */
struct config_fixed {
    const char *path;
    const char *why;
};

/* Those of them that differ. How many there are. */
size_t config_list_fixed(const struct config *running, const struct config *next,
                         struct config_fixed out[CONFIG_FIXED_MAX]);

/* May a daemon with the listeners of running take the rest of next? TM_INVALID: other machines reach it, and
 * next has no keys. */
enum tm_err config_check_reload(const struct config *running, const struct config *next,
                                struct tm_why *why) TM_MUST_CHECK;

/* Gives next what config_list_fixed lists, as it runs, and running what next has of it: next is what is true
 * of the daemon from then on. reports.dir stays with data_dir. */
void config_keep_fixed(struct config *running, struct config *next);

/* Is this listener address (host:port, tcp://host:port, ipc://path) reachable from this machine only? */
bool config_address_is_local(const char *address);

#endif
