/* What a single text value has to hold beyond its length, one function a kind; the settings table names them.
 * Each: TM_OK, TM_NOMEM, or TM_INVALID with why: what is wrong and what to do, without the setting's path. */
#ifndef TM_CONFIG_CHECK_H
#define TM_CONFIG_CHECK_H

#include "server/config/config.h"

typedef enum tm_err value_check_fn(const char *value, struct tm_why *why);

/* No control and no invisible characters; part of every text's check. len: it may hold NUL bytes. */
enum tm_err check_text(struct str value, struct tm_why *why) TM_MUST_CHECK;

value_check_fn check_data_dir;  /* is not the placeholder itself */
value_check_fn check_label;     /* a label name */
value_check_fn check_own_label; /* a label name that http_events_total does not have anyway */
value_check_fn check_key_name;  /* fits into key=NAME of a message header */
value_check_fn check_scope;     /* write:SERVICE, write:*, read, admin */
value_check_fn check_pattern;   /* PCRE2 compiles it */
value_check_fn check_selector;  /* name{label="value"}, as Prometheus has it */
value_check_fn check_timezone;  /* UTC, or a file of the zone database */
value_check_fn check_week_time; /* Mon 07:00 */

/* config_delivery.c */
value_check_fn check_recipient;    /* http://, https:// or mailto: */
value_check_fn check_web_url;      /* http:// or https:// without a query, or empty */
value_check_fn check_mail_address; /* name@host in ASCII, or empty */
value_check_fn check_mail_server;  /* smtp:// or smtps:// and host:port */

#endif
