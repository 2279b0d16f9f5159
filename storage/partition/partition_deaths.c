#include "storage/partition/partition_deaths.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/partition/partition_files.h"

_Static_assert(sizeof(struct deaths_slot) == 48, "storage/partition/README.md");
enum { FILE_BYTES = DEATHS_SLOTS * (int)sizeof(struct deaths_slot), DEATHS_TO_TRY = 2 };

static int write_zeros(int fd)
{
    static const char zeros[FILE_BYTES];
    return pwrite(fd, zeros, FILE_BYTES, 0) == FILE_BYTES ? 0 : -1;
}

static bool is_sound(const struct deaths_slot *slot)
{
    return memchr(slot->name, '\0', DEATHS_NAME_BYTES) && slot->deaths <= DEATHS_TO_TRY;
}

static void count_deaths(struct deaths_slot *slots)
{
    for (int i = 0; i < DEATHS_SLOTS; i++) {
        struct deaths_slot *slot = &slots[i];
        bool died = atomic_exchange(&slot->inside, 0) != 0;
        if (!is_sound(slot) || !slot->name[0])
            memset(slot->name, 0, sizeof slot->name), slot->deaths = 0;
        else if (died && slot->deaths < DEATHS_TO_TRY)
            slot->deaths++;
        if (slot->deaths == 0)
            slot->name[0] = '\0';
    }
}

enum tm_err deaths_open(struct partition_deaths *deaths, const char *dir, struct tm_why *why)
{
    struct stat st;
    struct partition_path path;
    (void)snprintf(path.text, sizeof path.text, "%.*s/reading", PARTITION_DIR_BYTES, dir);
    int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return file_fail(why, "opening", path.text);
    enum tm_err err = TM_OK;
    /* Written out, not sparse: a mapping over a hole would end in SIGBUS on a full disk. */
    if (fstat(fd, &st) != 0 || (st.st_size != FILE_BYTES && (ftruncate(fd, 0) != 0 || write_zeros(fd) != 0)))
        err = file_fail(why, "writing", path.text);
    void *map = err ? MAP_FAILED : mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!err && map == MAP_FAILED)
        err = file_fail(why, "mapping", path.text);
    close(fd);
    if (err)
        return err;
    deaths->slots = map;
    count_deaths(deaths->slots);
    return TM_OK;
}

void deaths_close(struct partition_deaths *deaths)
{
    if (deaths->slots)
        munmap(deaths->slots, FILE_BYTES);
    deaths->slots = NULL;
}

int deaths_take(struct partition_deaths *deaths, const char *name)
{
    int free_slot = -1;
    if (!deaths->slots)
        return -1;
    for (int i = 0; i < DEATHS_SLOTS; i++) {
        if (strcmp(deaths->slots[i].name, name) == 0)
            return i;
        if (!deaths->slots[i].name[0] && free_slot < 0)
            free_slot = i;
    }
    if (free_slot >= 0)
        (void)snprintf(deaths->slots[free_slot].name, DEATHS_NAME_BYTES, "%s", name);
    return free_slot;
}

void deaths_give(struct partition_deaths *deaths, int slot)
{
    if (slot >= 0 && deaths->slots && deaths->slots[slot].deaths == 0)
        deaths->slots[slot].name[0] = '\0';
}

void deaths_enter(struct partition_deaths *deaths, int slot)
{
    if (slot >= 0)
        atomic_fetch_add(&deaths->slots[slot].inside, 1);
}

void deaths_leave(struct partition_deaths *deaths, int slot)
{
    if (slot >= 0)
        atomic_fetch_sub(&deaths->slots[slot].inside, 1);
}

const char *deaths_suspect(struct partition_deaths *deaths, char name[DEATHS_NAME_BYTES])
{
    for (int i = 0; deaths->slots && i < DEATHS_SLOTS; i++) {
        struct deaths_slot *slot = &deaths->slots[i];
        if (slot->deaths < DEATHS_TO_TRY)
            continue;
        memcpy(name, slot->name, DEATHS_NAME_BYTES);
        slot->deaths = 0;
        slot->name[0] = '\0';
        return name;
    }
    return NULL;
}
