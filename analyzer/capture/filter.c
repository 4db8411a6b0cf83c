#include "analyzer/capture/filter.h"

#include <pcap/pcap.h>
#include <stdlib.h>

#include "analyzer/capture/linktype.h"
#include "analyzer/memory.h"

struct program {
    uint16_t link_type;
    bool usable;
    struct error why_not;
    struct bpf_program code;
};

struct frame_filter {
    char *expression;
    struct program programs[FILTER_LINK_TYPES_MAX];
    size_t count;
    struct error problem;
};

struct frame_filter *filter_open(const char *expression)
{
    struct frame_filter *filter = memory_zeroed(1, sizeof *filter);
    filter->expression = memory_string(expression);
    return filter;
}

void filter_close(struct frame_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].usable)
            pcap_freecode(&filter->programs[i].code);
    free(filter->expression);
    free(filter);
}

static struct program *find(struct frame_filter *filter, uint16_t link_type)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].link_type == link_type)
            return &filter->programs[i];
    return NULL;
}

/* False: libpcap's word for why not. */
static bool compile(const char *expression, int dlt, uint32_t snaplen, struct bpf_program *code,
                    struct error *error)
{
    pcap_t *dead = pcap_open_dead(dlt, (int)snaplen);
    if (!dead)
        return error_set(error, "no memory to compile the filter");
    bool compiled = pcap_compile(dead, code, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!compiled)
        error_set(error, "%s", pcap_geterr(dead));
    pcap_close(dead);
    return compiled;
}

static bool compile_program(const struct frame_filter *filter, struct program *program)
{
    char buffer[24];
    struct error why;
    uint16_t link_type = program->link_type;
    program->usable = compile(filter->expression, linktype_to_dlt(link_type),
                              linktype_frame_bytes_max(link_type), &program->code, &why);
    if (!program->usable)
        error_set(&program->why_not, "the filter '%s' cannot be used with link type %s: %s",
                  filter->expression, source_link_type_name(link_type, buffer), why.text);
    return program->usable;
}

bool filter_compile(struct frame_filter *filter, uint16_t link_type, struct error *error)
{
    struct program *program = find(filter, link_type);
    if (program)
        return program->usable || error_set(error, "%s", program->why_not.text);
    if (filter->count == FILTER_LINK_TYPES_MAX)
        return error_set(error, "more than %d link types to filter", FILTER_LINK_TYPES_MAX);
    program = &filter->programs[filter->count++];
    program->link_type = link_type;
    return compile_program(filter, program) || error_set(error, "%s", program->why_not.text);
}

static bool is_valid(const char *expression, int dlt, struct error *error)
{
    enum { SNAPLEN = 65535 };
    struct bpf_program code;
    struct error why;
    if (!compile(expression, dlt, SNAPLEN, &code, &why))
        return error_set(error, "filter '%s': %s", expression, why.text);
    pcap_freecode(&code);
    return true;
}

/* Some words are known with some link types only; with these, all are (pcap-filter(7)). */
bool filter_is_valid(const char *expression, struct error *error)
{
    return is_valid(expression, DLT_EN10MB, error) || is_valid(expression, DLT_LINUX_SLL2, NULL) ||
           is_valid(expression, DLT_IEEE802_11_RADIO, NULL) ||
           is_valid(expression, DLT_PFLOG, NULL);
}

static bool matches(const struct program *program, const struct frame *frame)
{
    if (!program || !program->usable)
        return false;
    /* The time is not looked at by any filter instruction. */
    struct pcap_pkthdr header = {.caplen = frame->caplen, .len = frame->len};
    return pcap_offline_filter(&program->code, &header, frame->data) != 0;
}

size_t filter_apply(struct frame_filter *filter, struct frame *frames, size_t count)
{
    size_t kept = 0;
    const struct program *program = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!program || program->link_type != frames[i].link_type) {
            struct error *first = filter->problem.text[0] ? NULL : &filter->problem;
            filter_compile(filter, frames[i].link_type, first);
            program = find(filter, frames[i].link_type);
        }
        if (matches(program, &frames[i]))
            frames[kept++] = frames[i];
    }
    return kept;
}

const char *filter_problem(const struct frame_filter *filter)
{
    return filter->problem.text;
}
