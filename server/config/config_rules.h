/* Rules over more than one value: between the fields of a key, between services, between settings. */
#ifndef TM_CONFIG_RULES_H
#define TM_CONFIG_RULES_H

#include "server/config/config_table.h"

/* A key: one of secret and secret_file, whose content it reads into secret; a name of its own. */
record_rule_fn rule_key;

/* Was the secret of this struct config_key written into the file itself? */
bool rule_key_is_inline(const void *key);

/* reports.mail.password_file: can be read and is closed to others; a relative path is completed. Adds a
 * fault; TM_NOMEM. */
enum tm_err rule_mail_password(struct reading *reading) TM_MUST_CHECK;

/* A service: a name of its own. */
record_rule_fn rule_service;

/* Puts data_dir in the place of DATA_DIR, then checks the settings against each other: lengths of socket
 * paths, addresses used twice, listeners off loopback without keys, max_decompressed, what delivery needs.
 * Adds faults; TM_NOMEM.
 */
enum tm_err rules_apply(struct reading *reading) TM_MUST_CHECK;

#endif
