/* Commented JSON: every error with its exact place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/attribution/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct json *parse(const char *text, struct error *error)
{
    return json_parse("t.json", text, strlen(text), error);
}

static void syntax_errors_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "t.json:1:1: expected a value, got the end of the file"},
        {"// only a comment", "t.json:1:18: expected a value, got the end of the file"},
        {"{\n  \"a\" 1}", "t.json:2:7: expected ':'"},
        {"{\"a\": 1 \"b\": 2}", "t.json:1:9: expected ',' or '}'"},
        {"{\"a\": 1,}", "t.json:1:9: expected a name in quotes"},
        {"[1, 2,]", "t.json:1:7: expected a value"},
        {"[1 2]", "t.json:1:4: expected ',' or ']'"},
        {"[1", "t.json:1:3: expected ',' or ']'"},
        {"{a: 1}", "t.json:1:2: expected a name in quotes"},
        {"[nul]", "t.json:1:2: expected a value"},
        {"[01]", "t.json:1:3: a number does not begin with 0"},
        {"[1.]", "t.json:1:4: expected a digit"},
        {"[-x]", "t.json:1:3: expected a digit"},
        {"[1e+]", "t.json:1:5: expected a digit"},
        {"[\n 1e999]", "t.json:2:2: this number is too large"},
        {"[NaN]", "t.json:1:2: expected a value"},
        {"[\"a\nb\"]", "t.json:1:2: this string has no end on its line"},
        {"[\"a", "t.json:1:2: this string has no end on its line"},
        {"[\"a\tb\"]", "t.json:1:4: a control character in a string"},
        {"[\"\\x\"]", "t.json:1:4: expected one of \" \\ / b f n r t u after a backslash"},
        {"[\"\\u00g0\"]", "t.json:1:5: expected four hexadecimal digits after \\u"},
        {"[\"\\u0000\"]", "t.json:1:5: \\u0000 is not allowed"},
        {"[\"\\ud800\"]", "t.json:1:9: half of a surrogate pair"},
        {"[\"\\udc00\"]", "t.json:1:5: half of a surrogate pair"},
        {"/* x\n  ", "t.json:1:1: this comment has no end"},
        {"/*/", "t.json:1:1: this comment has no end"},
        {"{} x", "t.json:1:4: expected the end of the file"},
        {"/* c\n c */ {\"a\": // d\n  tru}", "t.json:3:3: expected a value"},
        {"{\"a\": 1,\n \"a\": 2}", "t.json:2:2: \"a\" stands twice in this object"},
        {"[{\"b\": {\"a\": 1, \"a\": 2}}]", "t.json:1:17: \"a\" stands twice in this object"},
        {"\xef\xbb\xbf{}", "t.json:1:1: expected text without a byte order mark"},
        {"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "t.json:1:17: nested too deeply"},
        {"[1234567890123456789012345678901234567890123456789012345678901]",
         "t.json:1:2: this number has too many digits"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {""};
        struct json *json = parse(cases[i].text, &error);
        assert_string_equal(error.text, cases[i].error);
        assert_null(json);
    }
}

static void comments_are_blanks(void **state)
{
    (void)state;
    struct error error = {""};
    struct json *json =
        parse("/**/{//\"\n\"a//b\": \"/* \\\" // */\", /* \"x */ \"c\": [1, //\n2]}//", &error);
    assert_non_null(json);
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(json_root(json), "a//b");
    assert_string_equal(text->valuestring, "/* \" // */");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json_root(json), "c");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    json_free(json);
}

static void every_value_has_its_position(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": [10, {\"b\": \"x\"}], // c\n /* d */ \"e\":\n   false}";
    struct error error = {""};
    struct json *json = parse(text, &error);
    assert_non_null(json);
    const cJSON *a = json_root(json)->child, *ten = a->child, *object = ten->next, *e = a->next;
    const struct {
        const cJSON *node;
        unsigned line, column;
    } cases[] = {{json_root(json), 1, 1}, {a, 1, 7}, {ten, 1, 8}, {object, 1, 12},
                 {object->child, 1, 18},  {e, 3, 4}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned line = 0, column = 0;
        assert_true(json_position(json, cases[i].node, &line, &column));
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
    }
    unsigned line, column;
    cJSON stranger = {0};
    assert_false(json_position(json, &stranger, &line, &column));
    assert_false(json_fail_at_name(json, e, "here"));
    assert_string_equal(error.text, "t.json:2:10: here");
    assert_false(json_fail(json, &stranger, "nowhere"));
    assert_string_equal(error.text, "t.json: nowhere");
    json_free(json);
}

static void objects_are_read_by_a_table(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"name\": \"x\", \"list\": [], \"n\": 1}", ""},
        {"{\"name\": \"x\"}", ""},
        {"{\"nmae\": \"x\"}", "t.json:1:2: unknown field \"nmae\"; did you mean \"name\"?"},
        {"{\"zzzz\": \"x\"}", "t.json:1:2: unknown field \"zzzz\""},
        {"{\"n\": 1}", "t.json:1:1: the field \"name\" is missing"},
        {"{\"name\": 1}", "t.json:1:10: expected a string, got a number"},
        {"{\"name\": null}", "t.json:1:10: expected a string, got null"},
        {"{\"name\": \"x\", \"n\": \"1\"}", "t.json:1:20: expected a number, got a string"},
        {"{\"name\": \"x\", \"list\": {}}",
         "t.json:1:23: expected a string or a list [...], got an object {...}"},
        {"[]", "t.json:1:1: expected an object {...}, got a list [...]"},
        {"true", "t.json:1:1: expected an object {...}, got true or false"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {""};
        const cJSON *name, *list, *number;
        const struct json_field fields[] = {
            {"name", JSON_STRING, true, &name},
            {"list", JSON_STRING | JSON_ARRAY, false, &list},
            {"n", JSON_NUMBER, false, &number},
        };
        struct json *json = parse(cases[i].text, &error);
        assert_non_null(json);
        bool good = json_read_object(json, json_root(json), fields, COUNT(fields));
        assert_string_equal(error.text, cases[i].error);
        assert_int_equal(good, !*cases[i].error);
        json_free(json);
    }
}

static void values_are_checked(void **state)
{
    (void)state;
    static const char *const words[] = {"alpha", "beta"};
    struct error error = {""};
    struct json *json = parse("[5, \"\", \"A\", \"bets\", \"quite else\", \"ok-1\"]", &error);
    assert_non_null(json);
    const cJSON *five = json_root(json)->child, *empty = five->next, *upper = empty->next,
                *bets = upper->next, *other = bets->next, *good = other->next;
    double number;
    const char *text;
    size_t index;
    assert_true(json_number(json, five, 0, 5, &number));
    assert_false(json_number(json, five, 0, 4, &number));
    assert_string_equal(error.text, "t.json:1:2: expected a number from 0 to 4, got 5");
    assert_false(json_text(json, empty, 9, &text));
    assert_string_equal(error.text, "t.json:1:5: expected 1 to 9 bytes of text, got 0");
    assert_false(json_identifier(json, upper, "-", &text));
    assert_string_equal(error.text,
                        "t.json:1:9: expected a name of small letters, digits and -, got \"A\"");
    assert_false(json_word(json, bets, "letter", words, COUNT(words), &index));
    assert_string_equal(error.text, "t.json:1:14: unknown letter \"bets\"; did you mean \"beta\"?");
    assert_false(json_word(json, other, "letter", words, COUNT(words), &index));
    assert_string_equal(error.text, "t.json:1:22: unknown letter \"quite else\"");
    assert_true(json_identifier(json, good, "-", &text));
    json_free(json);
}

static void caps_are_kept(void **state)
{
    (void)state;
    struct error error = {""};
    size_t length = JSON_FILE_BYTES_MAX + 1;
    char *blanks = malloc(length);
    memset(blanks, ' ', length);
    blanks[0] = '1';
    assert_null(json_parse("t.json", blanks, length, &error));
    assert_string_equal(error.text, "t.json: larger than 1048576 bytes");
    struct json *json = json_parse("t.json", blanks, length - 1, &error);
    assert_non_null(json);
    json_free(json);

    char *object = malloc(length);
    size_t used = (size_t)sprintf(object, "{");
    for (int i = 0; i <= JSON_MEMBERS_MAX; i++)
        used += (size_t)sprintf(object + used, "%s\"%d\":0", i ? "," : "", i);
    sprintf(object + used, "}");
    assert_null(parse(object, &error));
    assert_non_null(strstr(error.text, "too many members in one object"));
    free(object);
    free(blanks);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct error error = {""};
    assert_null(json_load("/nonexistent/x.json", &error));
    assert_string_equal(error.text, "/nonexistent/x.json: No such file or directory");
    assert_null(json_load("/", &error));
    assert_string_equal(error.text, "/: Is a directory");
    assert_null(json_load("/dev/zero", &error));
    assert_string_equal(error.text, "/dev/zero: larger than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_errors_have_a_place),
        cmocka_unit_test(comments_are_blanks),
        cmocka_unit_test(every_value_has_its_position),
        cmocka_unit_test(objects_are_read_by_a_table),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(caps_are_kept),
        cmocka_unit_test(files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
