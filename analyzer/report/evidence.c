#include "analyzer/report/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/report/escape.h"
#include "analyzer/report/format.h"
#include "analyzer/report/scrub.h"
#include "analyzer/report/view.h"

enum {
    COMMENTS_MAX = 8, /* of one frame */
    COMMENT_BYTES = 1024,
    SUMMARIES_MAX = 50,   /* findings told in the section header */
    INTERFACES_MAX = 256, /* captures times their link types */
};

/* That a frame shows something: a packet of a failing exchange, or what a reason rests on. */
struct note {
    uint32_t capture;
    uint64_t frame;
    uint32_t order; /* in the report */
    const struct finding *finding;
    const struct exchange_step *step; /* NULL: a reason's */
    const struct reason *reason;      /* NULL: a step's */
};

struct kept {
    uint32_t capture, interface;
    uint64_t number;
    int64_t time_ns;
    uint32_t caplen, len;
    enum frame_direction direction;
    size_t note; /* its first */
    uint8_t *bytes;
};

struct interface {
    uint32_t capture;
    uint16_t link_type;
};

struct evidence {
    const struct report *report;
    struct note *notes; /* ascending by capture, frame, order */
    size_t note_count, note_room;
    uint64_t refused; /* notes and frames that found no room */
    struct kept *kept;
    size_t kept_count, kept_room;
    uint64_t bytes;
    struct interface interfaces[INTERFACES_MAX];
    uint32_t interface_count;
};

/* --- which frames --- */

static void add_note(struct evidence *evidence, struct note note)
{
    if (!note.frame)
        return;
    if (evidence->note_count == EVIDENCE_NOTES_MAX) {
        evidence->refused++;
        return;
    }
    if (evidence->note_count == evidence->note_room) {
        evidence->note_room = evidence->note_room ? 2 * evidence->note_room : 256;
        evidence->notes =
            memory_resize(evidence->notes, evidence->note_room, sizeof *evidence->notes);
    }
    note.order = (uint32_t)evidence->note_count;
    evidence->notes[evidence->note_count++] = note;
}

static void note_exchanges(struct evidence *evidence, const struct finding *finding)
{
    for (uint32_t e = 0; e < finding->exchange_count; e++)
        for (uint32_t s = 0; s < finding->exchanges[e].step_count; s++) {
            const struct exchange_step *step = &finding->exchanges[e].steps[s];
            struct note note = {finding->exchanges[e].capture, step->frame, 0, finding, step, NULL};
            add_note(evidence, note);
            for (uint32_t i = 0; i < step->again.count; i++) {
                note.frame = frame_list_at(&step->again, i);
                add_note(evidence, note);
            }
        }
}

static void note_reasons(struct evidence *evidence, const struct finding *finding)
{
    for (size_t r = 0; r < finding->verdict.reason_count; r++) {
        const struct reason *reason = &finding->verdict.reasons[r];
        const struct capture_report *capture =
            view_reason_capture(evidence->report, finding, reason);
        uint32_t index = capture ? (uint32_t)(capture - evidence->report->captures) : 0;
        for (uint32_t i = 0; i < reason->frames.count; i++)
            add_note(evidence, (struct note){index, frame_list_at(&reason->frames, i), 0, finding,
                                             NULL, reason});
    }
}

static int compare_notes(const void *left, const void *right)
{
    const struct note *a = left, *b = right;
    if (a->capture != b->capture)
        return a->capture < b->capture ? -1 : 1;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

struct evidence *evidence_gather(const struct report *report)
{
    struct evidence *evidence = memory_zeroed(1, sizeof *evidence);
    evidence->report = report;
    for (size_t i = 0; i < report->finding_count; i++) {
        note_exchanges(evidence, report->findings[i]);
        note_reasons(evidence, report->findings[i]);
    }
    if (evidence->note_count)
        qsort(evidence->notes, evidence->note_count, sizeof *evidence->notes, compare_notes);
    return evidence;
}

void evidence_free(struct evidence *evidence)
{
    if (!evidence)
        return;
    for (size_t i = 0; i < evidence->kept_count; i++)
        free(evidence->kept[i].bytes);
    free(evidence->kept);
    free(evidence->notes);
    free(evidence);
}

/* The first note at or after a frame. */
static size_t find_note(const struct evidence *evidence, uint32_t capture, uint64_t frame)
{
    size_t low = 0, high = evidence->note_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct note *note = &evidence->notes[middle];
        if (note->capture < capture || (note->capture == capture && note->frame < frame))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t evidence_last_frame(const struct evidence *evidence, uint32_t capture)
{
    size_t end = find_note(evidence, capture + 1, 0);
    bool any = end > 0 && evidence->notes[end - 1].capture == capture;
    return any ? evidence->notes[end - 1].frame : 0;
}

/* --- taking them --- */

static bool interface_of(struct evidence *evidence, uint32_t capture, uint16_t link_type,
                         uint32_t *index)
{
    for (*index = 0; *index < evidence->interface_count; (*index)++)
        if (evidence->interfaces[*index].capture == capture &&
            evidence->interfaces[*index].link_type == link_type)
            return true;
    if (evidence->interface_count == INTERFACES_MAX)
        return false;
    evidence->interfaces[evidence->interface_count++] = (struct interface){capture, link_type};
    return true;
}

static void keep(struct evidence *evidence, const struct kept *kept, const uint8_t *bytes,
                 uint16_t link_type)
{
    struct kept copy = *kept;
    if (evidence->bytes + copy.caplen > EVIDENCE_BYTES_MAX ||
        !interface_of(evidence, copy.capture, link_type, &copy.interface))
        return;
    if (evidence->kept_count == evidence->kept_room) {
        evidence->kept_room = evidence->kept_room ? 2 * evidence->kept_room : 64;
        evidence->kept = memory_resize(evidence->kept, evidence->kept_room, sizeof *evidence->kept);
    }
    copy.bytes = memory_zeroed(copy.caplen ? copy.caplen : 1, 1);
    if (copy.caplen)
        memcpy(copy.bytes, bytes, copy.caplen);
    evidence->bytes += copy.caplen;
    evidence->kept[evidence->kept_count++] = copy;
}

void evidence_take(struct evidence *evidence, uint32_t capture, const struct frame *frame,
                   bool strip, const struct pseudonyms *pseudonyms)
{
    size_t at = find_note(evidence, capture, frame->number);
    if (at == evidence->note_count || evidence->notes[at].capture != capture ||
        evidence->notes[at].frame != frame->number)
        return;
    struct kept kept = {
        .capture = capture,
        .number = frame->number,
        .time_ns = frame->time_ns,
        .caplen = frame->caplen,
        .len = frame->len,
        .direction = frame->direction,
        .note = at,
    };
    if (!strip && !pseudonyms) {
        keep(evidence, &kept, frame->data, frame->link_type);
        return;
    }
    struct scrubbed scrubbed;
    scrub_frame(pseudonyms, frame, &scrubbed);
    kept.caplen = scrubbed.caplen;
    kept.len = scrubbed.len;
    keep(evidence, &kept, scrubbed.bytes, scrubbed.link_type);
}

uint64_t evidence_missing(const struct evidence *evidence)
{
    uint64_t wanted = 0;
    for (size_t i = 0; i < evidence->note_count; i++)
        wanted += i == 0 || evidence->notes[i].capture != evidence->notes[i - 1].capture ||
                  evidence->notes[i].frame != evidence->notes[i - 1].frame;
    return wanted - evidence->kept_count + evidence->refused;
}

/* --- writing them: blocks of the pcapng draft, in the byte order of this machine --- */

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_USER_APPLICATION = 4,
    OPTION_IF_NAME = 2,
    OPTION_IF_DESCRIPTION = 3,
    OPTION_IF_TSRESOL = 9,
    OPTION_FLAGS = 2,
};

/* One block as it grows; written with its length at both ends. */
struct block {
    uint8_t *bytes;
    size_t length, room;
};

static void append(struct block *block, const void *bytes, size_t length)
{
    size_t padded = (length + 3) & ~(size_t)3;
    if (block->length + padded > block->room) {
        block->room = 2 * (block->length + padded);
        block->bytes = memory_resize(block->bytes, block->room, 1);
    }
    memcpy(block->bytes + block->length, bytes, length);
    memset(block->bytes + block->length + length, 0, padded - length);
    block->length += padded;
}

static void append_32(struct block *block, uint32_t value)
{
    append(block, &value, sizeof value);
}

static void append_16_16(struct block *block, uint16_t first, uint16_t second)
{
    uint16_t pair[2] = {first, second};
    append(block, pair, sizeof pair);
}

static void append_option(struct block *block, uint16_t code, const void *value, size_t length)
{
    append_16_16(block, code, (uint16_t)length);
    append(block, value, length);
}

static void append_text(struct block *block, uint16_t code, const char *text)
{
    char safe[COMMENT_BYTES];
    report_escape_terminal(text, safe, sizeof safe);
    append_option(block, code, safe, strlen(safe));
}

static void end_options(struct block *block)
{
    append_16_16(block, OPTION_END, 0);
}

static void begin(struct block *block, uint32_t type)
{
    block->length = 0;
    append_32(block, type);
    append_32(block, 0); /* total length, when it is known */
}

static void finish(FILE *out, struct block *block)
{
    uint32_t total = (uint32_t)block->length + 4;
    memcpy(block->bytes + 4, &total, sizeof total);
    append_32(block, total);
    fwrite(block->bytes, 1, block->length, out);
}

static void write_section(FILE *out, struct block *block, const struct report *report)
{
    static const uint64_t not_told = UINT64_MAX;
    char text[COMMENT_BYTES];
    begin(block, BLOCK_SECTION);
    append_32(block, 0x1a2b3c4d); /* byte-order magic */
    append_16_16(block, 1, 0);
    append(block, &not_told, sizeof not_told);
    append_text(block, OPTION_USER_APPLICATION, "fwsniff " FWSNIFF_VERSION);
    for (size_t i = 0; i < report->finding_count && i < SUMMARIES_MAX; i++) {
        snprintf(text, sizeof text, "fwsniff %s: %s", report->findings[i]->id,
                 report->findings[i]->verdict.summary);
        append_text(block, OPTION_COMMENT, text);
    }
    end_options(block);
    finish(out, block);
}

static void write_interface(FILE *out, struct block *block, const struct report *report,
                            const struct interface *interface)
{
    static const uint8_t nanoseconds = 9;
    const struct capture_report *capture = &report->captures[interface->capture];
    char text[COMMENT_BYTES];
    begin(block, BLOCK_INTERFACE);
    append_16_16(block, interface->link_type, 0);
    append_32(block, 0); /* snap length: no limit */
    snprintf(text, sizeof text, "capture %s", capture->id);
    append_text(block, OPTION_IF_NAME, text);
    snprintf(text, sizeof text, "%s, taken %s", capture->source,
             vantage_phrases[capture->vantage.kind]);
    append_text(block, OPTION_IF_DESCRIPTION, text);
    append_option(block, OPTION_IF_TSRESOL, &nanoseconds, sizeof nanoseconds);
    end_options(block);
    finish(out, block);
}

static const char *comment(const struct evidence *evidence, const struct note *note,
                           char text[COMMENT_BYTES])
{
    static const char *const senders[] = {[STEP_OF_CLIENT] = "client",
                                          [STEP_OF_SERVER] = "server",
                                          [STEP_OF_OTHER] = "a device on the way"};
    char what[STEP_TEXT];
    const struct capture_report *capture = &evidence->report->captures[note->capture];
    int used =
        snprintf(text, COMMENT_BYTES, "fwsniff %s, frame %llu of capture %s: ", note->finding->id,
                 (unsigned long long)note->frame, capture->id);
    size_t left = COMMENT_BYTES - (size_t)used;
    if (note->reason)
        snprintf(text + used, left, "%s [%s]", note->reason->text, note->reason->rule);
    else
        snprintf(text + used, left, "%s of the %s%s", view_step(note->finding, note->step, what),
                 senders[note->step->sender], note->step->lost ? ", never answered" : "");
    return text;
}

static void write_packet(FILE *out, struct block *block, const struct evidence *evidence,
                         const struct kept *kept)
{
    uint64_t time = kept->time_ns > 0 ? (uint64_t)kept->time_ns : 0;
    uint32_t flags = kept->direction == FRAME_INBOUND    ? 1
                     : kept->direction == FRAME_OUTBOUND ? 2
                                                         : 0;
    char text[COMMENT_BYTES];
    begin(block, BLOCK_PACKET);
    append_32(block, kept->interface);
    append_32(block, (uint32_t)(time >> 32));
    append_32(block, (uint32_t)time);
    append_32(block, kept->caplen);
    append_32(block, kept->len);
    append(block, kept->bytes, kept->caplen);
    if (flags)
        append_option(block, OPTION_FLAGS, &flags, sizeof flags);
    for (size_t i = 0; i < COMMENTS_MAX && kept->note + i < evidence->note_count; i++) {
        const struct note *note = &evidence->notes[kept->note + i];
        if (note->capture != kept->capture || note->frame != kept->number)
            break;
        append_text(block, OPTION_COMMENT, comment(evidence, note, text));
    }
    end_options(block);
    finish(out, block);
}

static int by_time(const void *left, const void *right)
{
    const struct kept *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->capture != b->capture)
        return a->capture < b->capture ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

bool evidence_write(FILE *out, const struct evidence *evidence)
{
    struct block block = {0};
    if (evidence->kept_count)
        qsort(evidence->kept, evidence->kept_count, sizeof *evidence->kept, by_time);
    write_section(out, &block, evidence->report);
    for (uint32_t i = 0; i < evidence->interface_count; i++)
        write_interface(out, &block, evidence->report, &evidence->interfaces[i]);
    for (size_t i = 0; i < evidence->kept_count && !ferror(out); i++)
        write_packet(out, &block, evidence, &evidence->kept[i]);
    free(block.bytes);
    return format_stream_ok(out);
}
