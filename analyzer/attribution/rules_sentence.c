/* "{name}" in sentences and commands: checked when loaded, filled in when judged. */
#include <stdio.h>
#include <string.h>

#include "analyzer/attribution/rules_internal.h"

enum { NAME_MAX_BYTES = 64, VALUE_MAX = 64 };

const struct variable_definition rules_variables[RULES_VARIABLES] = {
    {"client", true, false},
    {"client_port", true, false},
    {"server", true, false},
    {"client_v4", true, false}, /* empty where it is of the other version */
    {"client_v6", true, false},
    {"server_v4", true, false},
    {"server_v6", true, false},
    {"port", true, false},
    {"proto", true, false},
    {"profile", true, false},
    {"ip", true, false},
    {"family", true, false},
    {"iptables", true, false},
    {"service", false, false},
    {"product", false, false},
    {"role_initiator", false, false},
    {"role_responder", false, false},
    {"attempts", false, false},
    {"duration", false, false},
    {"server_name", false, false},
    {"dns_name", false, false},
    {"issuer", false, false},
    {"inspection", false, false},
    {"vpn", false, false},
    {"page_owner", false, false},
    {"http_host", false, false},
    {"http_location", false, false},
    {"label_local", false, false},
    {"label_edge", false, false},
    {"label_egress", false, false},
    {"upstream", false, false},
    {"downstream", false, false},
    {"route", false, false},
    {"first", false, true},
    {"second", false, true},
    {"confidence", false, true},
    {"candidates", false, true},
    {"mechanism", false, true},
};

const char *rules_variable(const struct variable *variables, const char *name)
{
    for (; variables && variables->name; variables++)
        if (strcmp(variables->name, name) == 0)
            return variables->text;
    return NULL;
}

static const struct variable_definition *variable_definition(const char *name)
{
    for (size_t i = 0; i < RULES_VARIABLES; i++)
        if (strcmp(rules_variables[i].name, name) == 0)
            return &rules_variables[i];
    return NULL;
}

static bool is_name_start(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_name_byte(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || (c && strchr("._-", c));
}

/* What comes next in a text. */
enum piece { PIECE_END, PIECE_BYTE, PIECE_NAME, PIECE_BROKEN };

/* Reads one piece at *text and moves past it. PIECE_BROKEN: a "{name" without "}". */
static enum piece next_piece(const char **text, char *byte, char name[NAME_MAX_BYTES + 1])
{
    const char *at = *text;
    *byte = *at;
    if (*at == '\0')
        return PIECE_END;
    *text = at + 1;
    if (*at != '{')
        return PIECE_BYTE;
    if (at[1] == '{') {
        *text = at + 2;
        return PIECE_BYTE;
    }
    if (!is_name_start(at[1]))
        return PIECE_BYTE;
    size_t length = 0;
    for (at++; is_name_byte(*at) && length < NAME_MAX_BYTES; at++)
        name[length++] = *at;
    name[length] = '\0';
    if (*at != '}')
        return PIECE_BROKEN;
    *text = at + 1;
    return PIECE_NAME;
}

static bool fail_unknown_name(const struct rules *rules, const struct json *json, const cJSON *node,
                              const char *name)
{
    struct json_nearest nearest = {.wrong = name};
    char hint[JSON_HINT_MAX];
    for (size_t i = 0; i < RULES_VARIABLES; i++)
        json_nearest_offer(&nearest, rules_variables[i].name);
    for (size_t i = 0; i < rules->fact_count; i++)
        json_nearest_offer(&nearest, rules->facts[i].name);
    return json_fail(json, node, "unknown name {%s}%s", name, json_nearest_hint(&nearest, hint));
}

static bool check_name(const struct rules *rules, const struct json *json, const cJSON *node,
                       enum sentence_kind kind, const char *name)
{
    const struct variable_definition *variable = variable_definition(name);
    if (!variable && rules_fact(rules, name) == NO_FACT)
        return fail_unknown_name(rules, json, node, name);
    switch (kind) {
    case SENTENCE_VERDICT:
        return true;
    case SENTENCE_EVIDENCE:
    case SENTENCE_PLACE_NAME:
        if (variable && variable->of_verdict)
            return json_fail(json, node, "{%s} belongs to the verdict and cannot stand here", name);
        return true;
    case SENTENCE_COMMAND:
        if (!variable || !variable->in_commands)
            return json_fail(json, node, "{%s} cannot stand in a command", name);
        return true;
    }
    return false;
}

bool rules_read_sentence(const struct rules *rules, const struct json *json, const cJSON *node,
                         enum sentence_kind kind, const char **text)
{
    char byte, name[NAME_MAX_BYTES + 1];
    size_t most = kind == SENTENCE_COMMAND ? COMMAND_MAX - 1 : SENTENCE_MAX - 1;
    if (!json_text(json, node, most, text))
        return false;
    for (const char *at = *text;;) {
        switch (next_piece(&at, &byte, name)) {
        case PIECE_END:
            return true;
        case PIECE_BYTE:
            break;
        case PIECE_BROKEN:
            return json_fail(json, node, "expected \"}\" after \"{%s\"", name);
        case PIECE_NAME:
            if (!check_name(rules, json, node, kind, name))
                return false;
        }
    }
}

/* As short as the number allows: 3, 0.25, 1.5e+09. */
static const char *number_text(double number, char buffer[VALUE_MAX])
{
    snprintf(buffer, VALUE_MAX, "%.6g", number);
    if (number > -1e15 && number < 1e15 && number == (double)(long long)number)
        snprintf(buffer, VALUE_MAX, "%lld", (long long)number);
    return buffer;
}

static const char *fact_text(const struct sentence_values *values, const char *name,
                             char buffer[VALUE_MAX])
{
    size_t index = rules_fact(values->rules, name);
    if (index == NO_FACT || !values->facts[index].known)
        return NULL;
    switch (values->rules->facts[index].type) {
    case FACT_WORD:
        return values->facts[index].word;
    case FACT_NUMBER:
        return number_text(values->facts[index].number, buffer);
    case FACT_FLAG:
        return values->facts[index].number > 0 ? "yes" : "no";
    }
    return NULL;
}

/* NULL: it has none. */
static const char *value_of(const struct sentence_values *values, const char *name,
                            char buffer[VALUE_MAX])
{
    const char *text = rules_variable(values->verdict, name);
    if (!text)
        text = rules_variable(values->variables, name);
    return text ? text : fact_text(values, name, buffer);
}

struct output {
    char *text;
    size_t size, used;
    bool full;
};

static void put(struct output *out, const char *text, size_t length)
{
    size_t room = out->size - 1 - out->used;
    if (length > room) {
        out->full = true;
        length = room;
    }
    memcpy(out->text + out->used, text, length);
    out->used += length;
}

/* Ends the text; where it was cut, before the character that lost its end (UTF-8: RFC 3629 3). */
static void finish(struct output *out)
{
    if (out->full) {
        size_t start = out->used;
        while (start > 0 && out->used - start < 3 &&
               ((unsigned char)out->text[start - 1] & 0xc0) == 0x80)
            start--;
        if (start > 0 && (unsigned char)out->text[start - 1] >= 0xc0) {
            unsigned char lead = (unsigned char)out->text[start - 1];
            size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
            if (out->used - start < wanted)
                out->used = start - 1;
        }
    }
    out->text[out->used] = '\0';
}

void rules_fill_sentence(const struct sentence_values *values, const char *text, char *out,
                         size_t size)
{
    struct output output = {.text = out, .size = size};
    char byte, name[NAME_MAX_BYTES + 1], buffer[VALUE_MAX];
    for (enum piece piece; !output.full && (piece = next_piece(&text, &byte, name)) != PIECE_END;) {
        const char *value = piece == PIECE_NAME ? value_of(values, name, buffer) : NULL;
        if (piece == PIECE_BYTE)
            put(&output, &byte, 1);
        else
            put(&output, value ? value : "unknown", strlen(value ? value : "unknown"));
    }
    finish(&output);
}

/* Letters, digits and . : / _ - only, and no option: nothing a shell or a tool would take for more
 * than a word. Values may come from strangers' profiles and captures. */
static bool is_safe(const char *value)
{
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_-";
    return value && *value && *value != '-' && value[strspn(value, safe)] == '\0';
}

bool rules_fill_command(const struct sentence_values *values, const char *text, char *out,
                        size_t size)
{
    struct output output = {.text = out, .size = size};
    char byte, name[NAME_MAX_BYTES + 1], buffer[VALUE_MAX];
    bool safe = true;
    for (enum piece piece; safe && (piece = next_piece(&text, &byte, name)) != PIECE_END;) {
        const char *value = piece == PIECE_NAME ? value_of(values, name, buffer) : NULL;
        if (piece == PIECE_BYTE)
            put(&output, &byte, 1);
        else if ((safe = is_safe(value)))
            put(&output, value, strlen(value));
    }
    finish(&output);
    return safe && !output.full;
}
