// hiredis against a running server: kvs_hiredis_client PORT

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { pipeline_length = 20000 };

static void fail(const char* what, const redisReply* reply) {
  fprintf(stderr, "%s: %s\n", what,
          reply == NULL ? "no reply"
          : reply->str  ? reply->str
                        : "unexpected");
  exit(1);
}

static redisReply* ask(redisContext* context, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  redisReply* reply = redisvCommand(context, format, arguments);
  va_end(arguments);
  if (reply == NULL)
    fail(context->errstr, NULL);
  return reply;
}

static void expect_text(redisReply* reply, int type, const char* text,
                        size_t size) {
  if (reply->type != type || (size_t)reply->len != size
      || memcmp(reply->str, text, size) != 0)
    fail(text, reply);
  freeReplyObject(reply);
}

static void expect_integer(redisReply* reply, long long expected) {
  if (reply->type != REDIS_REPLY_INTEGER || reply->integer != expected)
    fail("integer", reply);
  freeReplyObject(reply);
}

static void one_at_a_time(redisContext* context) {
  expect_text(ask(context, "FLUSHALL"), REDIS_REPLY_STATUS, "OK", 2);
  expect_text(ask(context, "SET %s %b", "key", "a\0\r\nb", (size_t)5),
              REDIS_REPLY_STATUS, "OK", 2);
  expect_text(ask(context, "GET key"), REDIS_REPLY_STRING, "a\0\r\nb", 5);
  redisReply* nothing = ask(context, "GET nothing");
  if (nothing->type != REDIS_REPLY_NIL)
    fail("GET of nothing", nothing);
  freeReplyObject(nothing);
  expect_integer(ask(context, "INCRBY n %d", -7), -7);
  redisReply* refused = ask(context, "INCR key");
  if (refused->type != REDIS_REPLY_ERROR
      || strncmp(refused->str, "ERR ", 4) != 0)
    fail("INCR of text", refused);
  freeReplyObject(refused);
  redisReply* both = ask(context, "MGET n nothing");
  if (both->type != REDIS_REPLY_ARRAY || both->elements != 2
      || strcmp(both->element[0]->str, "-7") != 0
      || both->element[1]->type != REDIS_REPLY_NIL)
    fail("MGET", both);
  freeReplyObject(both);
}

static void pipelined(redisContext* context) {
  for (int i = 0; i < pipeline_length; ++i) {
    redisAppendCommand(context, "SET p:%d %d", i, i);
    redisAppendCommand(context, "GET p:%d", i);
  }
  for (int i = 0; i < pipeline_length; ++i) {
    char number[16];
    int size = snprintf(number, sizeof number, "%d", i);
    void* reply = NULL;
    if (redisGetReply(context, &reply) != REDIS_OK)
      fail(context->errstr, NULL);
    expect_text(reply, REDIS_REPLY_STATUS, "OK", 2);
    if (redisGetReply(context, &reply) != REDIS_OK)
      fail(context->errstr, NULL);
    expect_text(reply, REDIS_REPLY_STRING, number, (size_t)size);
  }
}

static void large(redisContext* context) {
  size_t size = (size_t)8 << 20;
  char* value = malloc(size);
  if (value == NULL)
    fail("no memory", NULL);
  memset(value, 'x', size);
  expect_text(ask(context, "SET large %b", value, size), REDIS_REPLY_STATUS,
              "OK", 2);
  expect_text(ask(context, "GET large"), REDIS_REPLY_STRING, value, size);
  free(value);
}

static void transaction(redisContext* context) {
  freeReplyObject(ask(context, "MULTI"));
  expect_text(ask(context, "SET t 1"), REDIS_REPLY_STATUS, "QUEUED", 6);
  expect_text(ask(context, "INCR t"), REDIS_REPLY_STATUS, "QUEUED", 6);
  redisReply* replies = ask(context, "EXEC");
  if (replies->type != REDIS_REPLY_ARRAY || replies->elements != 2
      || replies->element[1]->integer != 2)
    fail("EXEC", replies);
  freeReplyObject(replies);
}

int main(int count, char** words) {
  if (count != 2)
    return 64;
  redisContext* context = redisConnect("127.0.0.1", atoi(words[1]));
  if (context == NULL || context->err != 0)
    fail(context == NULL ? "no memory" : context->errstr, NULL);
  one_at_a_time(context);
  pipelined(context);
  large(context);
  transaction(context);
  redisFree(context);
  puts("ok");
  return 0;
}
