/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES 2048

static uint8_t wire[MAX_BYTES];
static size_t n_wire;

static void put(const void *p, size_t n)
{
    assert_true(n_wire + n <= sizeof wire);
    memcpy(wire + n_wire, p, n);
    n_wire += n;
}

/* A client's frame. */
static void frame(int first, const char *payload, size_t n)
{
    static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[4] = {(uint8_t)first, (uint8_t)(0x80 | (n < 126 ? n : 126)), (uint8_t)(n >> 8),
                       (uint8_t)n};

    put(head, n < 126 ? 2 : 4);
    put(mask, sizeof mask);
    for (size_t i = 0; i < n; i++)
        put(&(uint8_t){(uint8_t)payload[i] ^ mask[i % 4]}, 1);
}

/* What is told of the wire, piece by piece: data as it is, "(ping x)", "(close 1000)". */
static int read_all(size_t piece, char *ret, size_t max)
{
    struct ws_in in = {0};
    struct ws_event ev;
    int status = 0;
    size_t n_ret = 0;

    for (size_t at = 0; at < n_wire && !status; at += piece) {
        uint8_t copy[MAX_BYTES], *p = copy;
        size_t n = n_wire - at < piece ? n_wire - at : piece;
        memcpy(copy, wire + at, n);
        while ((status = ws_next(&in, &p, &n, &ev)) == 0 && ev.kind != WS_MORE) {
            int k = ev.kind == WS_CLOSE
                        ? snprintf(ret + n_ret, max - n_ret, "(close %d)", ev.status)
                        : snprintf(ret + n_ret, max - n_ret, "%s%.*s%s",
                                   ev.kind == WS_PING   ? "(ping "
                                   : ev.kind == WS_PONG ? "(pong "
                                                        : "",
                                   (int)ev.n, (const char *)ev.p, ev.kind == WS_DATA ? "" : ")");
            n_ret += (size_t)k;
            assert_true(n_ret < max);
        }
    }
    ret[n_ret] = 0;
    n_wire = 0;
    return status;
}

#define TELLS(piece, status, text)                                                                 \
    do {                                                                                           \
        char got_[MAX_BYTES] = "";                                                                 \
        assert_int_equal(read_all(piece, got_, sizeof got_), status);                              \
        assert_string_equal(got_, text);                                                           \
    } while (0)

static void test_messages(void **s)
{
    for (size_t piece = 1; piece < 40; piece += 6) {
        /* the example of 5.7: a masked "Hello" */
        put("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
        TELLS(piece, 0, "Hello");
        frame(0x02, "one ", 4);
        frame(0x89, "p", 1);
        frame(0x00, "two ", 4);
        frame(0x8a, "", 0);
        frame(0x80, "three", 5);
        frame(0x82, "", 0);
        frame(0x81, "!", 1);
        frame(0x88,
              "\x03\xe8"
              "bye",
              5);
        frame(0x81, "behind", 6);
        TELLS(piece, 0, "one (ping p)two (pong )three!(close 1000)");
        frame(0x88, "", 0);
        TELLS(piece, 0, "(close 1005)");
    }
}

static void test_long(void **s)
{
    char text[1001], got[MAX_BYTES];

    memset(text, 'a', 1000);
    text[1000] = 0;
    frame(0x82, text, 1000);
    frame(0x82, "b", 1);
    assert_int_equal(read_all(333, got, sizeof got), 0);
    assert_int_equal(strlen(got), 1001);
    assert_int_equal(strspn(got, "a"), 1000);
}

static void test_refused(void **s)
{
    static const struct {
        const char *bytes;
        size_t n;
        int status;
    } cases[] = {
        {"\x81\x05Hello", 7, WS_PROTOCOL},            /* not masked */
        {"\xc1\x80", 2, WS_PROTOCOL},                 /* an extension */
        {"\x83\x80", 2, WS_PROTOCOL},                 /* no such operation */
        {"\x8b\x80", 2, WS_PROTOCOL},                 /* no such control */
        {"\x09\x80", 2, WS_PROTOCOL},                 /* a control in pieces */
        {"\x89\xfe", 2, WS_PROTOCOL},                 /* a long control */
        {"\x80\x80", 2, WS_PROTOCOL},                 /* continues nothing */
        {"\x01\x80\0\0\0\0\x81\x80", 8, WS_PROTOCOL}, /* begun within another one */
        {"\x82\xfe\0\x05\0\0\0\0", 8, WS_PROTOCOL},   /* a length that is padded */
        {"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14, WS_PROTOCOL},
        {"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, WS_PROTOCOL},
        {"\x82\xff\0\0\0\0\x04\0\0\x01\0\0\0\0", 14, WS_TOO_BIG},
        {"\x88\x81\0\0\0\0\x03", 7, WS_PROTOCOL},     /* half a status */
        {"\x88\x82\0\0\0\0\x03\xed", 8, WS_PROTOCOL}, /* 1005 is never sent */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].bytes, cases[i].n);
        TELLS(1, cases[i].status, "");
    }
    put("\x82\xff\0\0\0\0\x04\0\0\0\0\0\0\0", 14); /* the longest there is */
    TELLS(14, 0, "");
}

static void test_heads(void **s)
{
    uint8_t h[WS_HEAD_BYTES];

    assert_int_equal(ws_head(h, WS_OP_TEXT, 125), 2);
    assert_memory_equal(h, "\x81\x7d", 2);
    assert_int_equal(ws_head(h, WS_OP_BINARY, 126), 4);
    assert_memory_equal(h, "\x82\x7e\0\x7e", 4);
    assert_int_equal(ws_head(h, WS_OP_BINARY, 65535), 4);
    assert_memory_equal(h, "\x82\x7e\xff\xff", 4);
    assert_int_equal(ws_head(h, WS_OP_BINARY, 65536), 10);
    assert_memory_equal(h, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
    assert_int_equal(ws_close(h, WS_TOO_BIG), 4);
    assert_memory_equal(h, "\x88\x02\x03\xf1", 4);
    assert_int_equal(ws_close(h, WS_NONE), 2);
    assert_memory_equal(h, "\x88\0", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
