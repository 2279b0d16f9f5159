#include "server/config/config_rules.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/config/config_address.h"
#include "server/config/config_field.h"
#include "server/config/config_read.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char placeholder[] = "DATA_DIR";
static const char *const listeners[] = {"listen.http", "listen.ingest_rep", "listen.ingest_pull",
                                        "listen.publish"};

enum tm_err rule_service(struct reading *reading, void *items, size_t index, const struct yaml_node_s *node)
{
    const struct config_service *services = items;
    const char *name = services[index].name;
    for (size_t i = 0; name && i < index; i++) {
        if (!services[i].name || strcmp(services[i].name, name) != 0)
            continue;
        fault_add(reading->faults, yaml_place(yaml_child(reading->document, node, "name")),
                  "services.name: \"%s\" is given twice; remove one, or put both into one item",
                  fault_shown(str_of(name)).text);
        break;
    }
    return TM_OK;
}

static const struct setting *listener(size_t i)
{
    return setting_find(listeners[i]);
}

static const struct config_strings *addresses(const struct reading *reading, size_t i)
{
    return field_strings(listener(i), reading->config);
}

/* DATA_DIR at the start, as a whole part of the path. */
static bool has_placeholder(const char *path)
{
    size_t len = strlen(placeholder);
    return strncmp(path, placeholder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Text up to `at` stays, the placeholder at `at` becomes data_dir. */
static enum tm_err expand(char **text, size_t at, const char *data_dir)
{
    const char *rest = *text + at + strlen(placeholder);
    size_t size = strlen(*text) + strlen(data_dir) + 1;
    char *expanded = malloc(size);
    if (!expanded)
        return TM_NOMEM;
    (void)snprintf(expanded, size, "%.*s%s%s", (int)at, *text, data_dir, rest);
    free(*text);
    *text = expanded;
    return TM_OK;
}

static void check_socket_path(struct reading *reading, size_t list, size_t item, const char *path)
{
    const char *name = listeners[list];
    size_t len = strlen(path);
    if (len <= ADDRESS_IPC_PATH_MAX)
        return;
    if (reading->given[setting_index(name)])
        fault_add(reading->faults, read_item_place(reading, name, item),
                  "%s: the socket path \"%s\" has %zu bytes; shorten it to %d, the system takes no more",
                  name, fault_shown(str_of(path)).text, len, ADDRESS_IPC_PATH_MAX);
    else
        fault_add(reading->faults, read_place(reading, "data_dir"),
                  "data_dir: makes the socket path of %s %zu bytes long, and the system takes %d; shorten "
                  "data_dir, or set %s to a shorter ipc://path",
                  name, len, ADDRESS_IPC_PATH_MAX, name);
}

static enum tm_err expand_listeners(struct reading *reading)
{
    for (size_t list = 0; list < COUNT(listeners); list++) {
        const struct config_strings *strings = addresses(reading, list);
        for (size_t i = 0; i < strings->count; i++) {
            const char *path = address_ipc_path(strings->at[i]);
            if (!path)
                continue;
            size_t at = (size_t)(path - strings->at[i]);
            enum tm_err err =
                has_placeholder(path) ? expand(&strings->at[i], at, reading->config->data_dir) : TM_OK;
            if (err)
                return err;
            check_socket_path(reading, list, i, strings->at[i] + at);
        }
    }
    return TM_OK;
}

static enum tm_err expand_reports_dir(struct reading *reading)
{
    char **dir = &reading->config->reports.dir;
    if ((*dir)[0] == '\0') {
        enum tm_err err = field_replace(dir, STR("DATA_DIR/reports"));
        if (err)
            return err;
    }
    return has_placeholder(*dir) ? expand(dir, 0, reading->config->data_dir) : TM_OK;
}

/* A malformed one has its fault already. */
static bool is_well_formed(const struct reading *reading, size_t list, size_t item)
{
    struct tm_why unused;
    return listener(list)->check(addresses(reading, list)->at[item], &unused) == TM_OK;
}

/* The fault goes to the later list, or to the one that is in the file. */
static void check_shared_address(struct reading *reading, size_t list, size_t item, size_t earlier)
{
    const struct config_strings *others = addresses(reading, earlier);
    const char *address = addresses(reading, list)->at[item];
    for (size_t i = 0; i < others->count; i++) {
        if (!address_equal(address, others->at[i]))
            continue;
        bool is_given = reading->given[setting_index(listeners[list])];
        size_t at_list = is_given ? list : earlier;
        size_t at_item = is_given ? item : i;
        fault_add(reading->faults, read_item_place(reading, listeners[at_list], at_item),
                  "%s: \"%s\" is also an address of %s; choose another port or path", listeners[at_list],
                  fault_shown(str_of(addresses(reading, at_list)->at[at_item])).text,
                  listeners[is_given ? earlier : list]);
    }
}

static void check_shared_addresses(struct reading *reading)
{
    for (size_t list = 1; list < COUNT(listeners); list++)
        for (size_t item = 0; item < addresses(reading, list)->count; item++)
            for (size_t earlier = 0; is_well_formed(reading, list, item) && earlier < list; earlier++)
                check_shared_address(reading, list, item, earlier);
}

/* Nobody else may reach an open door by default. */
static void check_exposure(struct reading *reading)
{
    if (reading->config->insecure || reading->config->auth.key_count > 0)
        return;
    for (size_t list = 0; list < COUNT(listeners); list++) {
        const struct config_strings *strings = addresses(reading, list);
        for (size_t i = 0; i < strings->count; i++) {
            const char *address = strings->at[i];
            if (config_address_is_local(address) || !is_well_formed(reading, list, i))
                continue;
            fault_add(
                reading->faults, read_item_place(reading, listeners[list], i),
                "%s: other machines can reach \"%s\" and auth.keys is empty; add a key, listen on 127.0.0.1, "
                "or set insecure: true",
                listeners[list], fault_shown(str_of(address)).text);
        }
    }
}

static void check_sizes(struct reading *reading)
{
    const struct config *config = reading->config;
    if (config->limits.max_decompressed_bytes >= config->limits.max_message_bytes)
        return;
    struct place place = read_place(reading, "limits.max_decompressed");
    if (place.line == 0)
        place = read_place(reading, "limits.max_message");
    const struct setting *setting = setting_find("limits.max_message");
    fault_add(reading->faults, place,
              "limits.max_decompressed: is smaller than limits.max_message; set it to %s or more",
              field_number_text(setting, config->limits.max_message_bytes).text);
}

/* Some receiver is there, or some that gets mail; malformed ones have their fault already. */
static bool has_receiver(const struct config *config, const char *scheme)
{
    struct tm_why unused;
    bool any = false;
    for (size_t s = 0; s <= config->service_count; s++) {
        const struct config_strings *list =
            s < config->service_count ? &config->services[s].deliver : &config->reports.deliver;
        for (size_t i = 0; i < list->count; i++)
            any = any || (strncmp(list->at[i], scheme, strlen(scheme)) == 0 &&
                          check_recipient(list->at[i], &unused) == TM_OK);
    }
    return any;
}

/* Where receivers stand in the file. */
static struct place place_of_receivers(const struct reading *reading)
{
    return read_place(reading, reading->config->reports.deliver.count > 0 ? "reports.deliver" : "services");
}

/* Not given, or given as ''; a malformed one has its fault already. */
static bool lacks_sender(const struct reading *reading)
{
    const yaml_node_t *given = reading->given[setting_index("reports.mail.from")];
    return reading->config->reports.mail.from[0] == '\0' &&
           (!given || (given->type == YAML_SCALAR_NODE && given->data.scalar.length == 0));
}

static void check_delivery(struct reading *reading)
{
    const struct config *config = reading->config;
    bool has_json = false;
    for (size_t i = 0; i < config->reports.formats.count; i++)
        has_json = has_json || strcmp(config->reports.formats.at[i], "json") == 0;
    if (!has_json && has_receiver(config, ""))
        fault_add(reading->faults, read_place(reading, "reports.formats"),
                  "reports.formats: what is delivered is made from the json; add json");
    if (lacks_sender(reading) && has_receiver(config, "mailto:"))
        fault_add(
            reading->faults, place_of_receivers(reading),
            "reports.mail.from: mail needs a sender; set it to an address such as tidemark@example.org");
}

enum tm_err rules_apply(struct reading *reading)
{
    enum tm_err err = expand_listeners(reading);
    if (!err)
        err = expand_reports_dir(reading);
    if (!err)
        err = rule_mail_password(reading);
    if (err)
        return err;
    check_shared_addresses(reading);
    check_exposure(reading);
    check_sizes(reading);
    check_delivery(reading);
    return TM_OK;
}
