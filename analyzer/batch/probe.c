#include "analyzer/batch/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/capture/bytes.h"
#include "analyzer/capture/source.h"

enum { PROBE_FRAMES = 256, TAR_MAGIC_AT = 257, LOOKED_AT = 512 };

struct digest {
    EVP_MD_CTX *whole;
    uint64_t bytes, prefix_bytes;
    char *prefix_hash;
};

static void write_hash(EVP_MD_CTX *context, char text[HASH_TEXT])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(context, hash, &length);
    for (unsigned i = 0; i < length && 2 * i + 2 < HASH_TEXT; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
}

/* The hash so far, without ending it. */
static void take_prefix(struct digest *digest)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    if (copy && EVP_MD_CTX_copy_ex(copy, digest->whole))
        write_hash(copy, digest->prefix_hash);
    EVP_MD_CTX_free(copy);
}

static void digest_bytes(void *context, const uint8_t *data, size_t size)
{
    struct digest *digest = context;
    uint64_t until = digest->prefix_bytes - digest->bytes;
    if (digest->prefix_bytes > digest->bytes && until <= size) {
        EVP_DigestUpdate(digest->whole, data, (size_t)until);
        take_prefix(digest);
        EVP_DigestUpdate(digest->whole, data + until, size - (size_t)until);
    } else {
        EVP_DigestUpdate(digest->whole, data, size);
    }
    digest->bytes += size;
}

static void note_links(const struct source_stats *stats, char links[LINKS_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; i < stats->link_type_count && used < LINKS_TEXT; i++) {
        char buffer[24];
        used += (size_t)snprintf(links + used, LINKS_TEXT - used, "%s%s", i ? " " : "",
                                 source_link_type_name(stats->link_types[i], buffer));
    }
}

static void read_frames(struct source *source, void (*beat)(void *), void *context,
                        struct probe *probe)
{
    struct frame frames[PROBE_FRAMES];
    int count;
    while ((count = source_next(source, frames, PROBE_FRAMES)) >= 0) {
        for (int i = 0; i < count; i++) {
            int64_t time_ns = frames[i].time_ns;
            if (time_ns == 0)
                continue;
            if (probe->first_ns == INT64_MIN || time_ns < probe->first_ns)
                probe->first_ns = time_ns;
            if (time_ns > probe->last_ns)
                probe->last_ns = time_ns;
        }
        beat(context);
    }
    const struct source_stats *stats = source_stats(source);
    probe->packets = stats->frames;
    probe->dropped = stats->kernel_dropped;
    probe->truncated = stats->truncated;
    probe->growing = stats->growing;
    probe->problem = stats->problem;
    note_links(stats, probe->links);
}

/* The first bytes, uncompressed. False with a message: they could not be read. */
static bool look(const char *path, const char *name, struct probe *probe)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return error_set(&probe->problem, "%s: %s", name, strerror(errno));
    struct error problem = {""};
    struct bytes *bytes = bytes_open(fd, true, &problem);
    if (!bytes)
        return error_set(&probe->problem, "%s: %s", name, problem.text);
    (void)bytes_fill(bytes, LOOKED_AT);
    size_t have = (size_t)(bytes->end - bytes->at);
    bool zip = have >= 4 && (memcmp(bytes->at, "PK\3\4", 4) == 0 ||
                             memcmp(bytes->at, "PK\5\6", 4) == 0);
    bool tar = have >= TAR_MAGIC_AT + 5 && memcmp(bytes->at + TAR_MAGIC_AT, "ustar", 5) == 0;
    probe->kind = (zip && !bytes->compression) || tar ? PROBE_ARCHIVE : PROBE_CAPTURE;
    bytes_close(bytes);
    return true;
}

bool probe_file(const char *path, const char *name, uint64_t prefix_bytes,
                void (*beat)(void *context), void *context, struct probe *probe)
{
    *probe = (struct probe){.first_ns = INT64_MIN, .last_ns = INT64_MIN};
    if (!look(path, name, probe))
        return false;
    if (probe->kind == PROBE_ARCHIVE)
        return true;
    struct digest digest = {.whole = EVP_MD_CTX_new(),
                            .prefix_bytes = prefix_bytes,
                            .prefix_hash = probe->prefix_hash};
    if (!digest.whole || !EVP_DigestInit_ex(digest.whole, EVP_sha256(), NULL)) {
        EVP_MD_CTX_free(digest.whole);
        return error_set(&probe->problem, "%s: no SHA-256 in this libcrypto", name);
    }
    const struct bytes_tap tap = {digest_bytes, &digest};
    struct source *source = source_open_named(path, name, &tap, &probe->problem);
    if (source) {
        read_frames(source, beat, context, probe);
        source_close(source);
        write_hash(digest.whole, probe->hash);
        probe->bytes = digest.bytes;
    } else {
        probe->kind = PROBE_FOREIGN;
    }
    EVP_MD_CTX_free(digest.whole);
    return true;
}
