/* Any bytes as the ledger of deliveries: what is taken of it can be written and read again as it is, is one
 * entry for a receiver, report and week, the last one that stood there, and names nothing outside its folder.
 */
#include <stdlib.h>
#include <string.h>

#include "reports/deliver/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_entry(const struct ledger *ledger, const struct ledger_entry *entry)
{
    struct bytes line = {0};
    struct ledger_entry again;
    require(ledger_find(ledger, entry->receiver, entry->report, entry->week) == entry);
    require(entry->report[0] && entry->report[0] != '.' && !strchr(entry->report, '/'));
    require(entry->revision > 0 && entry->state < LEDGER_STATES);
    ledger_write(entry, &line);
    require(!bytes_error(&line) && line.data[line.len - 1] == '\n');
    require(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
    require(ledger_read((struct str){(const char *)line.data, line.len - 1}, &again) == TM_OK);
    require(strcmp(again.receiver, entry->receiver) == 0 && strcmp(again.report, entry->report) == 0 &&
            strcmp(again.week, entry->week) == 0 && strcmp(again.why, entry->why) == 0);
    require(again.revision == entry->revision && again.before == entry->before &&
            again.state == entry->state && again.attempts == entry->attempts &&
            again.failures == entry->failures && again.time == entry->time && again.next == entry->next);
    bytes_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ledger ledger = {.lock = -1, .file = -1};
    const struct str text = {(const char *)data, len};
    size_t whole = 0, lines = 0;
    require(ledger_take(&ledger, text, INT64_MIN, &whole) == TM_OK);
    for (size_t i = 0; i < len; i++)
        lines += data[i] == '\n';
    require(whole <= len && ledger.lines == lines && ledger.count <= lines);
    require(whole == 0 ? lines == 0 : data[whole - 1] == '\n');
    for (size_t i = 0; i < ledger.count; i++)
        check_entry(&ledger, &ledger.entries[i]);
    ledger_close(&ledger);
    return 0;
}
