/* What of another configuration a running daemon takes over. */
#include "server/config/config_address.h"
#include "server/config/config_fault.h"
#include "server/config/config_field.h"

static bool is_kept(const struct setting *setting, const struct config *running, const struct config *next)
{
    return setting->restart && !field_equal(setting, running, next);
}

size_t config_list_fixed(const struct config *running, const struct config *next,
                         struct config_fixed out[CONFIG_FIXED_MAX])
{
    struct setting_table table = setting_all();
    size_t count = 0;
    for (size_t i = 0; i < table.count && count < CONFIG_FIXED_MAX; i++) {
        if (is_kept(&table.at[i], running, next))
            out[count++] = (struct config_fixed){table.at[i].path, table.at[i].restart};
    }
    return count;
}

enum tm_err config_check_reload(const struct config *running, const struct config *next, struct tm_why *why)
{
    static const char *const listeners[] = {"listen.http", "listen.ingest_rep", "listen.ingest_pull",
                                            "listen.publish"};
    if (next->auth.key_count > 0 || next->insecure)
        return TM_OK;
    for (size_t list = 0; list < sizeof listeners / sizeof listeners[0]; list++) {
        const struct config_strings *addresses = field_strings(setting_find(listeners[list]), running);
        for (size_t i = 0; i < addresses->count; i++) {
            if (!config_address_is_local(addresses->at[i]))
                return tm_fail(why, TM_INVALID,
                               "auth.keys would be empty while other machines reach %s \"%s\", which stays "
                               "open until a restart; restart the daemon, or keep a key",
                               listeners[list], fault_shown(str_of(addresses->at[i])).text);
        }
    }
    return TM_OK;
}

void config_keep_fixed(struct config *running, struct config *next)
{
    struct setting_table table = setting_all();
    const struct setting *reports = setting_find("reports.dir");
    if (is_kept(setting_find("data_dir"), running, next)) /* it may have been named by DATA_DIR */
        field_swap(reports, running, next);
    for (size_t i = 0; i < table.count; i++) {
        if (is_kept(&table.at[i], running, next))
            field_swap(&table.at[i], running, next);
    }
}
