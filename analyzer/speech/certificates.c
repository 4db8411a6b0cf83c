#include "analyzer/speech/certificates.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

struct entry {
    uint64_t hash;
    uint8_t *der;
    size_t length;
    struct x509 *read; /* NULL: nobody asked yet */
};

enum { MET = 64 }; /* a power of two */

struct certificates {
    struct entry *entries;
    uint32_t count, room, count_max;
    uint32_t met[MET]; /* numbers by their last bytes, see met_of() */
    uint32_t *slots;   /* number, 0: free; twice as many as there may be entries in `room` */
    size_t bytes, bytes_max;
    uint64_t seed, refused;
};

struct certificates *certificates_new(size_t count_max, size_t bytes_max)
{
    struct certificates *certificates = memory_zeroed(1, sizeof *certificates);
    certificates->count_max = (uint32_t)count_max;
    certificates->bytes_max = bytes_max;
    certificates->seed = hash_seed();
    return certificates;
}

void certificates_free(struct certificates *certificates)
{
    if (!certificates)
        return;
    for (uint32_t i = 0; i < certificates->count; i++) {
        free(certificates->entries[i].der);
        free(certificates->entries[i].read);
    }
    free(certificates->entries);
    free(certificates->slots);
    free(certificates);
}

static uint64_t hash_of(const struct certificates *certificates, const uint8_t *der, size_t length)
{
    uint64_t hash = certificates->seed ^ length, word;
    for (; length >= sizeof word; der += sizeof word, length -= sizeof word) {
        memcpy(&word, der, sizeof word);
        hash = hash_two(certificates->seed, hash, word);
    }
    word = 0;
    memcpy(&word, der, length);
    return hash_two(certificates->seed, hash, word);
}

static uint32_t *slot_of(const struct certificates *certificates, uint64_t hash, const uint8_t *der,
                         size_t length)
{
    size_t mask = (size_t)certificates->room * 2 - 1, at = hash & mask;
    for (; certificates->slots[at]; at = (at + 1) & mask) {
        const struct entry *entry = &certificates->entries[certificates->slots[at] - 1];
        if (entry->hash == hash && entry->length == length && memcmp(entry->der, der, length) == 0)
            break;
    }
    return &certificates->slots[at];
}

static void grow(struct certificates *certificates)
{
    enum { ROOM_MIN = 16 };
    uint32_t room = certificates->room ? certificates->room * 2 : ROOM_MIN;
    certificates->entries = memory_resize(certificates->entries, room, sizeof(struct entry));
    free(certificates->slots);
    certificates->slots = memory_zeroed((size_t)room * 2, sizeof *certificates->slots);
    certificates->room = room;
    for (uint32_t i = 0; i < certificates->count; i++) {
        const struct entry *entry = &certificates->entries[i];
        *slot_of(certificates, entry->hash, entry->der, entry->length) = i + 1;
    }
}

static uint32_t number_by_hash(struct certificates *certificates, const uint8_t *der, size_t length)
{
    uint64_t hash = hash_of(certificates, der, length);
    if (certificates->count == certificates->room)
        grow(certificates);
    uint32_t *slot = slot_of(certificates, hash, der, length);
    uint32_t known = *slot;
    if (known)
        return known;
    if (certificates->count == certificates->count_max ||
        certificates->bytes + length > certificates->bytes_max) {
        certificates->refused++;
        return 0;
    }
    struct entry *entry = &certificates->entries[certificates->count++];
    *entry = (struct entry){.hash = hash, .length = length, .der = memory_zeroed(length, 1)};
    memcpy(entry->der, der, length);
    certificates->bytes += length;
    *slot = certificates->count;
    return certificates->count;
}

static bool is_entry(const struct certificates *certificates, uint32_t number, const uint8_t *der,
                     size_t length)
{
    if (!number)
        return false;
    const struct entry *entry = &certificates->entries[number - 1];
    return entry->length == length && memcmp(entry->der, der, length) == 0;
}

/* Where the one met last of those that end like this one is noted: the end of the signature tells
 * the few apart that a capture holds, at a fraction of what it costs to hash them. */
static uint32_t *met_of(struct certificates *certificates, const uint8_t *der, size_t length)
{
    uint64_t tail = 0;
    size_t count = length < sizeof tail ? length : sizeof tail;
    memcpy(&tail, der + length - count, count);
    return &certificates->met[hash_mix(tail, certificates->seed | 1) % MET];
}

uint32_t certificates_number(struct certificates *certificates, const uint8_t *der, size_t length)
{
    uint32_t *met = met_of(certificates, der, length);
    if (!is_entry(certificates, *met, der, length))
        *met = number_by_hash(certificates, der, length);
    return *met;
}

const struct x509 *certificates_at(struct certificates *certificates, uint32_t number)
{
    if (!number || number > certificates->count)
        return NULL;
    struct entry *entry = &certificates->entries[number - 1];
    if (!entry->read) {
        entry->read = memory_zeroed(1, sizeof *entry->read);
        x509_read(entry->der, entry->length, entry->read);
    }
    return entry->read;
}

uint64_t certificates_refused(const struct certificates *certificates)
{
    return certificates->refused;
}
