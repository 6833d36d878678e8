// Commands about all keys: KEYS, SCAN, RANDOMKEY, DBSIZE, FLUSHDB.

#include "protocol/resp/glob.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"
#include "protocol/resp/scan.hpp"

#include <random>
#include <vector>

namespace kvs::protocol::resp::handlers {

namespace {

template <class Predicate>
std::vector<std::string> keys_that(const command_call& call,
                                   Predicate is_wanted) {
  std::vector<std::string> wanted;
  call.keys.for_each_key([&](std::string_view key) {
    if (is_wanted(key))
      wanted.emplace_back(key);
  });
  return wanted;
}

void reply_keys(reply_writer& reply, const std::vector<std::string>& keys) {
  reply.array(keys.size());
  for (const auto& each : keys)
    reply.bulk(each);
}

} // namespace

void keys(const command_call& call) {
  const auto pattern = call.args[1];
  // Alone a star means every key, the empty one too.
  const bool is_all = pattern == "*";
  reply_keys(call.reply, keys_that(call, [&](std::string_view key) {
               return is_all || glob_match(pattern, key);
             }));
}

void scan(const command_call& call) {
  const auto request = parse_scan(call.args);
  if (!request.error.empty())
    return call.reply.error(request.error);
  // All at once: within a transaction there is nobody to come back.
  call.reply.array(2);
  call.reply.bulk("0");
  reply_keys(call.reply, keys_that(call, [&](std::string_view key) {
               return scan_matches(request, key);
             }));
}

void randomkey(const command_call& call) {
  std::random_device source;
  std::minstd_rand random{source()};
  std::uint64_t seen = 0;
  std::string chosen;
  call.keys.for_each_key([&](std::string_view key) {
    // Of n keys the last one is taken in one of n cases.
    if (std::uniform_int_distribution<std::uint64_t>{0, seen++}(random) == 0)
      chosen = key;
  });
  if (seen == 0)
    return call.reply.null();
  call.reply.bulk(chosen);
}

void dbsize(const command_call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.keys.size()));
}

void flush(const command_call& call) {
  const bool is_plain = call.args.size() == 1;
  if (!is_plain
      && (call.args.size() > 2
          || !(is_word(call.args[1], "async")
               || is_word(call.args[1], "sync"))))
    return call.reply.error(syntax_error);
  call.keys.clear();
  call.reply.ok();
}

} // namespace kvs::protocol::resp::handlers
