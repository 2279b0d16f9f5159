#include "storage/backup/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/model/when.h"
#include "storage/partition/partition_files.h"

enum { STAMP_LEN = sizeof "2026-11-23T04-20-00.123Z" - 1 };

void place_name(time_ms_t time, char out[PLACE_NAME_BYTES])
{
    char text[WHEN_TEXT_BYTES];
    (void)snprintf(out, PLACE_NAME_BYTES, "%s", when_text(time, text));
    for (char *c = out; *c; c++) {
        if (*c == ':')
            *c = '-';
    }
}

static bool is_stamp(const char *name)
{
    static const char shape[] = "0000-00-00T00-00-00.000Z";
    for (size_t i = 0; i < STAMP_LEN; i++) {
        bool is_digit = name[i] >= '0' && name[i] <= '9';
        if (shape[i] == '0' ? !is_digit : name[i] != shape[i])
            return false;
    }
    return true;
}

enum tm_err place_newest(const char *dest, char out[PLACE_NAME_BYTES], struct tm_why *why)
{
    DIR *folder = opendir(dest);
    const struct dirent *entry;
    out[0] = '\0';
    if (!folder)
        return file_fail(why, "opening", dest);
    while ((entry = readdir(folder))) {
        if (strlen(entry->d_name) == STAMP_LEN && is_stamp(entry->d_name) && strcmp(entry->d_name, out) > 0)
            (void)snprintf(out, PLACE_NAME_BYTES, "%.*s", STAMP_LEN, entry->d_name);
    }
    closedir(folder);
    return TM_OK;
}

static enum tm_err remove_unfinished(const char *dest, struct tm_why *why)
{
    DIR *folder = opendir(dest);
    const struct dirent *entry;
    enum tm_err err = TM_OK;
    if (!folder)
        return file_fail(why, "opening", dest);
    while (!err && (entry = readdir(folder))) {
        struct tree_path path;
        if (!is_stamp(entry->d_name) || strcmp(entry->d_name + STAMP_LEN, PLACE_MAKING) != 0)
            continue;
        err = tree_join(dest, entry->d_name, &path, why);
        if (!err)
            err = tree_remove(path.text, why);
    }
    closedir(folder);
    return err;
}

enum tm_err place_enter(const char *dest, int *lock, struct tm_why *why)
{
    struct tree_path path;
    enum tm_err err = tree_make(dest, why);
    *lock = -1;
    if (!err)
        err = tree_join(dest, "lock", &path, why);
    if (err)
        return err;
    *lock = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (*lock < 0)
        return file_fail(why, "opening", path.text);
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0)
        err = tm_fail(why, TM_BUSY, "another backup to %.250s is under way: wait for it", dest);
    if (!err)
        err = remove_unfinished(dest, why);
    if (err) {
        close(*lock);
        *lock = -1;
    }
    return err;
}
