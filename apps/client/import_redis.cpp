// Copying a running Redis.

#include "apps/client/import_report.hpp"
#include "apps/client/output.hpp"
#include "apps/client/redis_link.hpp"
#include "apps/client/transfer.hpp"
#include "protocol/limits.hpp"
#include "protocol/resp/rdb.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace kvs::apps {

using protocol::resp::reply_value;
using protocol::resp::restored_string;

namespace {

// The page that SCAN is asked for; what it is given for a page may be larger.
constexpr std::string_view scan_count = "1000";

// Values that are asked for at once: the server keeps the replies in its memory
// until they are read.
constexpr std::uint64_t batch_value_bytes_max = 16 << 20;

// What fits into the buffers of a socket while the server waits for its replies
// to be read.
constexpr std::uint64_t batch_key_bytes_max = 16 << 10;

/// Reads lines such as "db3:keys=12,expires=0,avg_ttl=0".
std::map<std::uint64_t, std::uint64_t>
database_sizes(const std::string& keyspace) {
  std::map<std::uint64_t, std::uint64_t> sizes;
  std::istringstream lines{keyspace};
  for (std::string line; std::getline(lines, line);) {
    unsigned long long number = 0;
    unsigned long long count = 0;
    if (std::sscanf(line.c_str(), "db%llu:keys=%llu", &number, &count) == 2)
      sizes[number] = count;
  }
  return sizes;
}

class redis_importer {
public:
  redis_importer(session& node, const redis_source& source)
    : node_(node), database_(source.database), redis_(node.options(), source) {
  }

  int run() {
    count_keys();
    if (redis_.is_good() && !writer_.begin())
      return node_.failure();
    if (redis_.is_good())
      copy_all();
    writer_.hide_progress();
    if (!redis_.is_good())
      print_error(redis_.error());
    const int code = report_.finish(node_, writer_);
    return redis_.is_good() ? code : redis_.exit_code();
  }

private:
  struct found_key {
    std::string_view name;
    std::uint64_t value_bytes{0};
  };

  bool goes_on() const {
    return redis_.is_good() && !writer_.lost();
  }

  void count_keys() {
    key_count_ = static_cast<std::uint64_t>(redis_.call({"DBSIZE"}).integer);
    redis_.add({"INFO", "keyspace"});
    redis_.send();
    // Users that may read keys may still not be allowed to ask this.
    const reply_value keyspace = redis_.receive_any();
    if (keyspace.type == reply_value::kind::bulk)
      report_.other_databases = database_sizes(keyspace.text);
    report_.other_databases.erase(database_);
  }

  void copy_all() {
    std::string cursor{"0"};
    do {
      const reply_value page
        = redis_.call({"SCAN", cursor, "COUNT", scan_count});
      if (page.elements.size() != 2)
        return redis_.fail("it does not answer SCAN as Redis does");
      copy_page(page.elements[1].elements);
      cursor = page.elements[0].text;
    } while (cursor != "0" && goes_on());
  }

  void copy_page(const std::vector<reply_value>& keys) {
    const auto strings = find_strings(keys);
    for (std::size_t begin = 0; begin < strings.size() && goes_on();) {
      std::uint64_t key_bytes = 0;
      std::uint64_t value_bytes = 0;
      std::size_t end = begin;
      for (; end < strings.size(); ++end) {
        key_bytes += strings[end].name.size();
        value_bytes += strings[end].value_bytes;
        if (end != begin
            && (key_bytes > batch_key_bytes_max
                || value_bytes > batch_value_bytes_max))
          break;
      }
      copy_batch(std::span{strings}.subspan(begin, end - begin));
      begin = end;
    }
  }

  /// Those of `keys` that can be copied; what the others are is counted.
  std::vector<found_key> find_strings(const std::vector<reply_value>& keys) {
    for (const reply_value& key : keys) {
      redis_.add({"TYPE", key.text});
      redis_.add({"STRLEN", key.text});
    }
    redis_.send();
    std::vector<found_key> strings;
    for (const reply_value& key : keys) {
      const std::string type = redis_.receive().text;
      // An error, if the key is no string.
      const reply_value length = redis_.receive_any();
      if (!redis_.is_good())
        break;
      ++seen_count_;
      const auto value_bytes = static_cast<std::uint64_t>(length.integer);
      if (type == "none")
        ++report_.vanished;
      else if (type != "string")
        ++report_.other_types[type];
      else if (writer_.fits(key.text, value_bytes))
        strings.push_back({key.text, value_bytes});
    }
    return strings;
  }

  void copy_batch(std::span<const found_key> keys) {
    const bool asks_for_dumps = knows_dumps_;
    for (const found_key& key : keys) {
      redis_.add({"PTTL", key.name});
      redis_.add({asks_for_dumps ? "DUMP" : "GET", key.name});
    }
    redis_.send();
    std::vector<found_key> not_understood;
    for (const found_key& key : keys) {
      const std::int64_t ttl_ms = redis_.receive().integer;
      const reply_value answer = redis_.receive_any();
      if (!goes_on())
        return;
      if (!asks_for_dumps)
        take_value(key.name, ttl_ms, answer);
      else if (!take_dump(key.name, ttl_ms, answer))
        not_understood.push_back(key);
      writer_.update(seen_count_, key_count_);
    }
    if (not_understood.empty())
      return;
    knows_dumps_ = false;
    copy_batch(not_understood);
  }

  /// False if the value has to be asked for without a dump: servers younger
  /// than the format that is known here write dumps of other versions, and some
  /// that speak the protocol of Redis write none.
  bool take_dump(std::string_view key, std::int64_t ttl_ms,
                 const reply_value& answer) {
    if (answer.is_error())
      return false;
    protocol::pacer unpaced;
    auto restored
      = protocol::resp::restore_string(answer.text, UINT64_MAX, unpaced);
    if (answer.type == reply_value::kind::null
        || restored.result == restored_string::outcome::bad_format)
      ++report_.vanished;
    else if (restored.result == restored_string::outcome::value)
      store(key, ttl_ms, restored.value);
    else
      return false;
    return true;
  }

  void take_value(std::string_view key, std::int64_t ttl_ms,
                  const reply_value& answer) {
    const bool is_replaced
      = answer.is_error() && answer.text.starts_with("WRONGTYPE");
    if (answer.type == reply_value::kind::null || is_replaced)
      ++report_.vanished;
    else if (answer.is_error())
      redis_.fail("it refuses GET: " + answer.text);
    else
      store(key, ttl_ms, answer.text);
  }

  void store(std::string_view key, std::int64_t ttl_ms,
             std::string_view value) {
    // -2 is a key that was not there a moment before its value was.
    if (ttl_ms == 0 || ttl_ms == -2)
      ++report_.expired;
    else
      writer_.put(key, value,
                  std::clamp<std::int64_t>(ttl_ms, 0, protocol::expiry_ms_max));
  }

  session& node_;
  std::uint64_t database_;
  redis_link redis_;
  import_writer writer_{node_};
  import_report report_;
  std::uint64_t key_count_{0};
  std::uint64_t seen_count_{0};
  bool knows_dumps_{true};
};

} // namespace

int run_import_redis(session& node, const redis_source& source) {
  return redis_importer{node, source}.run();
}

} // namespace kvs::apps
