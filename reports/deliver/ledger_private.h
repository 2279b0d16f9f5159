/* The ledger's table in memory. Private to reports/deliver/ledger*.c. */
#ifndef TM_REPORTS_DELIVER_LEDGER_PRIVATE_H
#define TM_REPORTS_DELIVER_LEDGER_PRIVATE_H

#include "reports/deliver/ledger.h"

/* Makes room for an entry. TM_NOMEM, TM_LIMIT. */
enum tm_err ledger_reserve(struct ledger *ledger, const struct ledger_entry *entry) TM_MUST_CHECK;
/* Puts it in place of the one before; there is room. */
void ledger_put(struct ledger *ledger, const struct ledger_entry *entry);

#endif
